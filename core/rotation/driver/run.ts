/** One call of the driver: the loop of effect, event and next state, with its patience and the facts that it tells. */

import type { AgentState, RotationFact } from '../facts.ts';
import { effectOf, holdsSession } from '../machine/effects.ts';
import { begin, next } from '../machine/next.ts';
import type { Event, Rest, State, Wish, Work } from '../machine/state.ts';
import type { HoldOut } from '../ports.ts';
import type { Receipt } from '../types.ts';
import { agentStateOf } from './agent-state.ts';
import type { DatabaseFailing, DriveDeps, DriveRequest, WorkOutcome } from './contract.ts';
import { Execution, type KeptWork } from './execution.ts';
import { driftPeriodMs, engineDeadlineMs, pauseForEngine, pauseForVault, pauseOfDrain, pauseWhileBlocked } from './pauses.ts';

/** The longer part of a failure streak: how often in a row, and since when. */
interface Streak {
  attempts: number;
  sinceMs: number;
}

export class Run {
  readonly #deps: DriveDeps;
  readonly #secretId: string;
  readonly #signal: AbortSignal;
  readonly #execution: Execution;
  readonly #vaultStreak: Streak = { attempts: 0, sinceMs: 0 };
  readonly #engineStreak: Streak = { attempts: 0, sinceMs: 0 };
  #state: State;
  #startedAt: number;
  #checks: number;
  #lastProbeAt: number;
  #receipt: Receipt | null = null;
  /** The last one, for the words of its code. */
  #engineFailure: (Event & { readonly kind: 'engine-failed' }) | null = null;
  /** Of the work of this call: what is blocked or denied is told with it, or whoever waits for that rotation hears nothing of it. */
  #rotationId: string | null = null;
  #lastFact = '';

  constructor(deps: DriveDeps, secretId: string, { row, knownServer }: KeptWork, request: DriveRequest, signal: AbortSignal) {
    const drain = deps.memory.draining;
    const isSameDrain =
      drain !== null && row !== null && row.goal === 'drain' && row.rotationId === drain.rotationId && row.epoch === drain.epoch;
    const memory = isSameDrain ? drain : null;
    deps.memory.draining = null;
    this.#deps = deps;
    this.#secretId = secretId;
    this.#signal = signal;
    this.#startedAt = memory?.startedAt ?? deps.clock.now();
    this.#checks = memory?.checks ?? 0;
    this.#lastProbeAt = memory?.lastProbeAt ?? deps.clock.monotonic();
    const kept = { row, knownServer, statements: memory?.statements ?? [] };
    this.#execution = new Execution(deps, secretId, kept, request, signal);
    const isProbeDue = deps.clock.monotonic() - this.#lastProbeAt >= driftPeriodMs;
    const wish: Wish = {
      probe: request.probe === true || isProbeDue,
      overwriteForeignPassword: request.overwriteForeignPassword === true,
      giveUpRotationId: request.giveUpRotationId ?? null,
      knowsEnded: false,
    };
    this.#state = begin({ row, draining: memory?.work ?? null }, wish).state;
  }

  async toRest(): Promise<WorkOutcome> {
    try {
      for (;;) {
        this.#signal.throwIfAborted();
        const state = this.#state;
        if (!holdsSession(state)) await this.#execution.closeSession();
        if (state.at === 'resting') return this.#outcome(state.rest, state.work);
        const effect = effectOf(state);
        if (effect === null) throw new Error(`nothing to do while ${state.at}`);
        if (state.at === 'releasing') this.#tellRest(state.rest);
        else this.#tellState(agentStateOf(state));
        this.#rotationId = workOfState(state)?.rotationId ?? null;
        const event = await this.#execution.perform(effect, workOfState(state), (outcome) => this.#makeReceipt(outcome));
        if (event.kind === 'engine-failed') this.#engineFailure = event;
        const givenUp = await this.#pauseAfter(event, state);
        if (givenUp !== null) return givenUp;
        if (event.kind === 'observed') this.#lastProbeAt = this.#deps.clock.monotonic();
        this.#state = next(state, event).state;
      }
    } finally {
      await this.#execution.closeSession();
    }
  }

  /** Waits after a failure that will pass. Returns an outcome when the database has given no answer for too long. */
  async #pauseAfter(event: Event, state: State): Promise<WorkOutcome | null> {
    const { clock, random } = this.#deps;
    if (event.kind === 'vault-unreachable' && state.at !== 'releasing') {
      const attempt = count(this.#vaultStreak, clock.monotonic());
      this.#tell(state.at === 'confirming' ? 'SPLIT' : 'VAULT_UNREACHABLE', 'vault-unreachable', attempt, []);
      await clock.sleep(pauseForVault(attempt, random), this.#signal);
      return null;
    }
    this.#vaultStreak.attempts = 0;
    const failure = engineFailureOf(event);
    if (failure === null) {
      if (isEngineProgress(event)) this.#engineStreak.attempts = 0;
      // A row that was written says nothing of the database.
      if (event.kind !== 'row-written' && isEngineProgress(event)) this.#deps.memory.failing = null;
      return null;
    }
    const attempt = count(this.#engineStreak, clock.monotonic());
    const shown: AgentState = event.kind === 'verify-answered' ? 'APPLIED' : 'DATABASE_UNREACHABLE';
    const details = event.kind === 'engine-failed' ? (event.details ?? {}) : {};
    this.#tellFailing({ state: shown, code: failure, details, attempt });
    if (clock.monotonic() - this.#engineStreak.sinceMs >= engineDeadlineMs) {
      return this.#outcome({ kind: 'blocked', state: shown, code: failure }, null);
    }
    await clock.sleep(pauseForEngine(attempt, random), this.#signal);
    return null;
  }

  #outcome(rest: Rest, work: Work | null): WorkOutcome {
    const { random } = this.#deps;
    this.#tellRest(rest);
    switch (rest.kind) {
      case 'idle':
        return rest;
      case 'finished':
        if (this.#receipt === null) throw new Error('finished without a receipt');
        return { kind: 'finished', receipt: this.#receipt };
      case 'draining': {
        this.#checks += 1;
        if (work !== null) this.#remember(work);
        const { holdOuts, deadlineInMs } = rest;
        return { kind: 'draining', retryInMs: pauseOfDrain(rest, this.#checks, random), holdOuts, deadlineInMs };
      }
      case 'blocked':
        return { kind: 'blocked', retryInMs: pauseWhileBlocked(rest, random), state: rest.state, errorCode: rest.code };
      case 'denied':
        return { kind: 'denied', retryInMs: pauseWhileBlocked(rest, random), errorCode: rest.code };
      default:
        throw new Error('unknown rest', { cause: rest satisfies never });
    }
  }

  #remember(work: Work): void {
    this.#deps.memory.draining = {
      rotationId: work.rotationId,
      epoch: work.epoch,
      work,
      checks: this.#checks,
      lastProbeAt: this.#lastProbeAt,
      startedAt: this.#startedAt,
      statements: this.#execution.statements,
    };
  }

  #makeReceipt(outcome: Receipt['outcome']): Receipt {
    const work = workOfState(this.#state);
    const endedAt = this.#deps.clock.now();
    this.#receipt = {
      secretId: this.#secretId,
      // A repair before the rotation in flight is not that rotation's end.
      rotationId: work === null || work.goal === 'repair' ? null : work.rotationId,
      outcome,
      epoch: work?.epoch ?? 0,
      statements: [...this.#execution.statements],
      startedAt: this.#startedAt,
      endedAt,
    };
    this.#startedAt = endedAt;
    return this.#receipt;
  }

  /**
   * A drain that is asked about again has told its hold-outs before; they stay until there is news. So does a failure: that
   * it is tried again is none, or a person would hardly ever see what it fails with.
   */
  #tellState(state: AgentState): void {
    const { failing } = this.#deps.memory;
    if (this.#vaultStreak.attempts > 0 || (state === 'DRAINING' && this.#checks > 0)) return;
    if (failing === null) this.#tell(state, null, 0, []);
    else this.#tellFailing(failing);
  }

  #tellFailing(failing: DatabaseFailing): void {
    this.#deps.memory.failing = failing;
    this.#tell(failing.state, failing.code, failing.attempt, []);
  }

  #tellRest(rest: Rest): void {
    const state = agentStateOf({ at: 'resting', rest, work: null });
    if (rest.kind !== 'blocked' || rest.code !== this.#deps.memory.failing?.code) this.#deps.memory.failing = null;
    const code = rest.kind === 'blocked' || rest.kind === 'denied' || rest.kind === 'draining' ? rest.code : null;
    const holdOuts = rest.kind === 'draining' ? rest.holdOuts : [];
    if (rest.kind !== 'blocked' && rest.kind !== 'denied') this.#rotationId = null;
    this.#tell(state, code, 0, holdOuts, { deadlineInMs: rest.kind === 'draining' ? rest.deadlineInMs : null });
  }

  /** Each state is told once, not each effect in it; failures are told with each attempt. */
  #tell(
    state: AgentState,
    errorCode: string | null,
    attempt: number,
    holdOuts: readonly HoldOut[],
    rest: { readonly deadlineInMs: number | null } | null = null,
  ): void {
    const work = workOfState(this.#state);
    const failure = [this.#engineFailure, this.#deps.memory.failing].find((one) => one !== null && one.code === errorCode);
    const fact: RotationFact = {
      secretId: this.#secretId,
      rotationId: work?.rotationId ?? (rest === null ? null : this.#rotationId),
      state,
      isRest: rest !== null,
      strategy: work?.strategy ?? null,
      version: work?.versions.live.version ?? null,
      epoch: work?.epoch ?? null,
      holdOuts,
      drainDeadlineInMs: rest?.deadlineInMs ?? null,
      errorCode,
      ...(failure == null ? {} : { errorDetails: failure.details ?? {} }),
      attempt,
    };
    const shown = JSON.stringify(fact);
    if (shown === this.#lastFact) return;
    this.#lastFact = shown;
    this.#deps.observe(fact);
  }
}

function workOfState(state: State): Work | null {
  switch (state.at) {
    case 'claiming':
      return state.row === null ? null : { ...state.row, refusedLogins: 0, undoCode: null, drainCode: null };
    case 'finishing':
      return { ...state.work, refusedLogins: 0, undoCode: null, drainCode: null };
    case 'releasing':
      return null;
    default:
      return state.work;
  }
}

function count(streak: Streak, nowMs: number): number {
  if (streak.attempts === 0) streak.sinceMs = nowMs;
  streak.attempts += 1;
  return streak.attempts;
}

/** The code of a failure of the database that will pass; null for everything else. */
function engineFailureOf(event: Event): string | null {
  if (event.kind === 'verify-answered' && event.outcome.kind === 'try-again') return event.outcome.code;
  if (event.kind !== 'engine-failed') return null;
  return event.failure === 'session-lost' || event.failure === 'transient' ? event.code : null;
}

/** A session that opens and breaks again and again is no progress. */
function isEngineProgress(event: Event): boolean {
  return event.kind === 'executed' || event.kind === 'verify-answered' || event.kind === 'row-written' || event.kind === 'observed';
}
