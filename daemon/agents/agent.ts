/**
 * One secret's isolated worker: one loop, one piece of work at a time, its own deadlines, its own state. It drives what
 * the vault offers, takes a drain up again, looks for drift on its period, and shows what it does. It never gives up.
 */
import { jitterAround } from '@sikkerkey/core/backoff.ts';
import { createBell, cutShortBy } from '@sikkerkey/core/bell.ts';
import { type Loop, startLoop } from '@sikkerkey/core/loop.ts';
import {
  createRotationMemory,
  type DriveDeps,
  type DriveRequest,
  driveRotation,
  type WorkOutcome,
} from '@sikkerkey/core/rotation/drive.ts';
import type { RotationFact } from '@sikkerkey/core/rotation/facts.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentWork } from '@sikkerkey/protocol/vault/machine.ts';
import type { AgentDeps, AskedRepair, PreparedAgent, Unsettled } from './agent-deps.ts';
import { withBeat, withoutFailure, withPrepared, withReceipt, withRotation, withUnsettled, withWork } from './agent-facts.ts';
import { endedBefore, isForPersonAlone, isStillAhead } from './epoch-ahead.ts';
import { requireFit } from './exits.ts';
import { Interrupted } from './interrupted.ts';
import { hasWork } from './kept-on-disk.ts';
import { configurationMaxAgeMs, personsPauseMs, supersededPauseMs } from './pace.ts';
import { ShownFact } from './shown-fact.ts';
import { Turns } from './turns.ts';

export class Agent {
  readonly secretId: string;
  readonly #deps: AgentDeps;
  readonly #memory = createRotationMemory();
  readonly #turns = new Turns();
  readonly #shown: ShownFact;
  /** Ends the pauses of the drive that is under way. */
  #patience = createBell();
  #loop: Loop | null = null;
  #life = new AbortController();
  #rung = false;
  #stopAtBoundary = false;
  #isBlocked = false;
  /** As the vault said last; a refusal that it does not say is no reason to ask it again and again. */
  #access: AgentWork['access'] | null = null;
  #prepared: { readonly agent: PreparedAgent; readonly at: number } | null = null;
  #nextProbeAt = 0;
  #unsettled: Unsettled | null = null;
  #hasReadConfiguration = false;

  constructor(fact: AgentFact, deps: AgentDeps) {
    this.secretId = fact.secretId;
    this.#shown = new ShownFact(fact, deps);
    this.#deps = deps;
  }

  get fact(): AgentFact {
    return this.#shown.fact;
  }

  get isRunning(): boolean {
    return this.#loop !== null;
  }

  /** Begins to work; a journal row is taken up at once. */
  async start(): Promise<void> {
    if (this.#loop !== null) return;
    this.#life = new AbortController();
    this.#stopAtBoundary = false;
    this.#hasReadConfiguration = false;
    this.#unsettled = null;
    const { clock, random } = this.#deps;
    this.#nextProbeAt = clock.monotonic() + this.#deps.firstProbeInMs();
    const work = (signal: AbortSignal) => this.#turns.interruptibly(signal, (interruptible) => this.#work(interruptible));
    const run = async (signal: AbortSignal) => ({ nextInMs: await this.#turns.inTurn(() => work(signal)).catch(this.#brokenOff) });
    const firstRunInMs = (await this.#hasWork()) ? 0 : Math.round(random.fraction() * this.#deps.firstLookWithinMs());
    this.#loop = startLoop(
      { name: `agent ${this.secretId}`, intervalMs: null, firstRunInMs, classify: () => 'retry', run },
      { clock, random },
      this.#life.signal,
    );
  }

  /** Lets a critical section reach its next boundary, for at most `withinMs`; the journal keeps the rest. */
  async stop(withinMs: number): Promise<void> {
    const loop = this.#loop;
    if (loop === null) return;
    this.#loop = null;
    this.#stopAtBoundary = true;
    await this.#turns.endWithin(withinMs, this.#deps.clock);
    this.#life.abort(new Interrupted());
    await loop.done;
  }

  /** Something is to be done: work now, or once more after what is under way. */
  ring(): void {
    this.#rung = true;
    this.#loop?.trigger();
  }

  /** A person asks: what pauses until its vault or its database is back tries again at once, and keeps what it has learnt. */
  goOnNow(): void {
    this.#patience.ring();
    this.ring();
  }

  /** The connection or the configuration changed. */
  forgetConfiguration(): void {
    this.#prepared = null;
  }

  /** Runs `work` alone: interrupts what is under way (its row stays) and goes on with it afterwards. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#turns.interrupt();
    try {
      return await this.#turns.inTurn(work);
    } finally {
      this.#prepared = null;
      this.ring();
    }
  }

  /** Interrupts what is under way, for what it works with has changed; its row goes on at once. */
  readonly goOnAnew = (): Promise<void> => this.exclusively(() => Promise.resolve());

  /**
   * Looks now and repairs what differs from the vault's word, after interrupting what is under way; further only as far as
   * a person said (C13). The fact shows how it ended. Throws CatalogueError `repair-does-not-fit`, or what `prepare` throws.
   */
  async repair(asked: AskedRepair, signal: AbortSignal): Promise<void> {
    const look = async (interruptible: AbortSignal): Promise<number | null> => {
      const prepared = await this.#prepare(interruptible);
      if (prepared === null) return null;
      const probe = prepared.configuration.adopted;
      if (isForPersonAlone(this.fact.errorCode)) {
        const ended = endedBefore(asked, await this.#isStillAhead(interruptible), this.secretId);
        if (ended !== null) return ended;
      }
      if (asked.fits !== null && !isForPersonAlone(asked.fits)) {
        const outcome = await this.#drive(prepared, { probe }, interruptible);
        await this.#after(outcome, interruptible);
        requireFit(asked.fits, outcome, this.secretId);
      }
      await asked.prepare?.(prepared, interruptible);
      if (asked.prepare !== undefined) this.#prepared = null;
      const ready = await this.#prepare(interruptible);
      return ready && this.#after(await this.#drive(ready, { probe, ...asked.request }, interruptible), interruptible);
    };
    await this.exclusively(() => this.#turns.interruptibly(AbortSignal.any([signal, this.#life.signal]), look));
  }

  #drive(prepared: PreparedAgent, request: DriveRequest, signal: AbortSignal): Promise<WorkOutcome> {
    const giveUpRotationId = this.#deps.kept.givenUp(this.secretId);
    return driveRotation(this.#driveDeps(prepared), this.secretId, signal, { ...request, giveUpRotationId });
  }

  readonly change = (fact: AgentFact): void => this.#shown.change(fact);

  hearWork(work: AgentWork): void {
    if (!this.isRunning) return;
    this.change(withWork(this.fact, work, this.#deps.clock.now()));
    const isOtherAccess = work.access !== this.#access && (work.access === 'granted') !== (this.fact.state !== 'ACCESS_DENIED');
    this.#access = work.access;
    const isNew = work.phase === 'pending' || work.phase === 'drained' || (work.phase === 'promoted' && this.fact.state === 'IDLE');
    if (isOtherAccess) this.ring();
    else if (isNew) this.hearOffer();
  }

  /** There may be work. What is blocked waits for its own pause: each of its changes of state brings an answer that says the same again. */
  hearOffer(): void {
    if (!this.#isBlocked) this.ring();
  }

  readonly acknowledged = (): void => this.change(withBeat(this.fact, this.#deps.clock.now()));

  /** What the run was rung for is still to be done, after the loop's own pause. */
  readonly #brokenOff = (error: unknown): never => {
    this.#rung = true;
    this.#isBlocked = true;
    this.#prepared = null;
    this.#shown.breakOff(error);
    throw error;
  };

  /** Milliseconds until the next run. */
  async #work(signal: AbortSignal): Promise<number> {
    if (isForPersonAlone(this.fact.errorCode) && (await this.#isStillAhead(signal))) return personsPauseMs;
    const rung = this.#rung;
    this.#rung = false;
    const isDue = this.#deps.clock.monotonic() >= this.#nextProbeAt;
    if (!rung && !isDue && this.#hasReadConfiguration && !(await this.#hasWork())) return this.#rest();
    const isLook = isDue && !rung;
    const prepared = await this.#prepare(signal, isLook);
    if (prepared === null) {
      this.#rung = true;
      return jitterAround(this.fact.state === 'ACCESS_DENIED' ? 60_000 : 10_000, 0.3, this.#deps.random);
    }
    this.#hasReadConfiguration = true;
    const isUnderWay = await this.#hasWork();
    if (!rung && !isDue && !isUnderWay) return this.#rest();
    const heldForMs = this.#deps.heldForMs();
    if (heldForMs > 0 && !isUnderWay) return this.#hold(heldForMs);
    // What is not adopted is asked for too, without a look: a vault that went back behind an adoption says so.
    const probe = isDue && prepared.configuration.adopted;
    const outcome = await this.#drive(prepared, { probe, standing: isLook ? prepared.standing : null }, signal);
    if (isDue) this.#nextProbeAt = this.#deps.clock.monotonic() + jitterAround(this.#deps.probePeriodMs(), 0.2, this.#deps.random);
    return this.#after(outcome, signal);
  }

  /** Where it is no longer so, the agent is as any other again. */
  async #isStillAhead(signal: AbortSignal): Promise<boolean> {
    const prepared = await this.#prepare(signal);
    this.#prepared = null;
    if (prepared === null || (await isStillAhead(prepared, this.secretId, signal))) return true;
    this.#rung = true;
    this.change(withoutFailure(this.fact, this.#deps.clock.now()));
    return false;
  }

  /** New work waits (C16); what it waits for is shown until the driver's next word. */
  #hold(heldForMs: number): number {
    this.#rung = true;
    this.change({ ...this.fact, errorCode: 'held-after-resume', errorDetails: {} });
    return heldForMs;
  }

  async #after(outcome: WorkOutcome, signal: AbortSignal): Promise<number> {
    this.#isBlocked = outcome.kind === 'blocked' || outcome.kind === 'denied';
    switch (outcome.kind) {
      case 'finished':
        this.change(withReceipt(this.fact, outcome.receipt, this.#deps.clock.now()));
        this.#prepared = null;
        this.#rung = true;
        return outcome.receipt.outcome === 'superseded' ? jitterAround(supersededPauseMs, 0.3, this.#deps.random) : 0;
      case 'idle': {
        const retryInMs = outcome.retryInMs ?? (await this.#settle(signal));
        // Not unset here: whoever rang meanwhile knows of what this run did not see.
        this.#rung ||= retryInMs !== null;
        return retryInMs ?? this.#rest();
      }
      case 'draining':
      case 'blocked':
      case 'denied':
        this.#rung = true;
        if (outcome.kind !== 'draining') this.#prepared = null;
        return outcome.retryInMs;
      default:
        return outcome satisfies never;
    }
  }

  /** What keeps the last step of an un-adoption waiting is shown until it is done. */
  async #settle(signal: AbortSignal): Promise<number | null> {
    const before = this.#unsettled;
    this.#unsettled = await this.#deps.settle(this.secretId, signal);
    this.change(withUnsettled(this.fact, before, this.#unsettled, this.#deps.clock.now()));
    return this.#unsettled?.retryInMs ?? null;
  }

  async #prepare(signal: AbortSignal, isLook = false): Promise<PreparedAgent | null> {
    const now = this.#deps.clock.monotonic();
    if (!isLook && this.#prepared !== null && now - this.#prepared.at < configurationMaxAgeMs) return this.#prepared.agent;
    try {
      const agent = await this.#deps.prepare(this.secretId, signal, isLook);
      this.#prepared = { agent, at: now };
      this.change(withPrepared(this.fact, agent.configuration));
      return agent;
    } catch (error) {
      signal.throwIfAborted();
      this.#shown.fail(error);
      return null;
    }
  }

  #driveDeps(prepared: PreparedAgent): DriveDeps {
    const { clock, random } = this.#deps;
    this.#patience = createBell();
    return {
      ...prepared.drive,
      engine: prepared.engine.rotation,
      clock: cutShortBy(this.#patience, clock),
      random,
      memory: this.#memory,
      observe: (fact: RotationFact) => {
        if (fact.state !== 'IDLE' || this.#unsettled === null) this.change(withRotation(this.fact, fact, clock.now()));
      },
      boundary: (name) => {
        this.#deps.boundary(name);
        if (this.#stopAtBoundary) this.#turns.interrupt();
      },
    };
  }

  #hasWork(): Promise<boolean> {
    return hasWork(this.#deps, this.secretId);
  }

  /** Nothing to do: until the next look for drift nothing is kept here, least of all the administrator's password. */
  #rest(): number {
    this.#prepared = null;
    return Math.max(1_000, this.#nextProbeAt - this.#deps.clock.monotonic());
  }
}
