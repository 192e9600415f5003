/**
 * The vault's own clockwork: due rotations become pending, drains and leases run out, old rows are forgotten. Every node
 * may run it: each operation is one transaction that does a thing once. It stands still while sealed.
 *
 * Only this tick makes the vault older (managed/vault-age.ts), so only it ends drains and holds; and it asks the clock
 * watch before it believes the wall clock in what cannot be taken back: beginning rotations and forgetting. What can fail
 * besides the count (chore.ts) keeps neither drains nor other secrets waiting.
 */
import { startLoop } from '@sikkerkey/core/loop.ts';
import { Chore } from './chore.ts';
import { ClockWatch } from './clock-watch.ts';
import { countAtLeastEveryMs, countWhileEndingMs } from './managed/vault-age.ts';
import { MissedRotations } from './missed-rotations.ts';
import { sealGenerated } from './routes/seal-version.ts';
import type { SealNewVersion } from './storage/records.ts';
import type { VaultParts } from './vault-parts.ts';

const tickMs = 1_000;
const pruneEveryMs = 60_000;
const warnEveryMs = 60_000;
/** Rows that one operation touches at most, so that none keeps the others waiting. */
const batch = 200;
/** Rows that one operation forgets at most, and how often it is asked in one go: enough for some thousand reads a second. */
const forgetBatch = 2_000;
const forgetRounds = 100;
/** A tick that takes longer is time in which the vault does not age. */
const forgetWithinMs = 1_000;
/** Events that a listener may have missed and still catch up with. */
const keepEventsMs = 24 * 3_600_000;
/** How long the wall clock must go right before it is believed again; longer than any nonce is kept. */
const settleMs = 900_000;
/** What a drain still lasts after a time in which nobody could hear of the promotion, unless its own deadline is shorter. */
const drainAfterSilenceMs = 900_000;

export interface Scheduler {
  /** Call after unsealing: drains get time again, before anything runs out. */
  catchUp(): Promise<void>;
  readonly done: Promise<void>;
}

/** Runs until the signal is aborted. Failures are logged and the next tick tries again. */
export function startScheduler(vault: VaultParts, signal: AbortSignal): Scheduler {
  const ticks = new Ticks(vault);
  const loop = startLoop(
    {
      name: 'scheduler',
      intervalMs: tickMs,
      run: () => ticks.run(),
      classify: (error) => {
        // The store could not be read, or the age not counted: who read or acknowledged in this time may not have been answered either.
        ticks.wasSilent();
        vault.log.failure('schedule.failed', error);
        return 'retry';
      },
    },
    vault,
    signal,
  );
  return { catchUp: () => ticks.catchUp(), done: loop.done };
}

class Ticks {
  readonly #vault: VaultParts;
  readonly #watch: ClockWatch;
  #isSilent = true;
  /** Heard since the vault's age was counted last. */
  #uncountedMs = 0;
  /** What a clock ahead of its time planned is not looked for yet. */
  #bringForwardIsDue = true;
  readonly #missed: MissedRotations;
  #prunedAt: number;
  #warnedAt: number | null = null;
  /** From when on requests will be refused, as was said last. */
  #announcedFrom: number | null = null;
  readonly #planning: Chore;
  readonly #beginning: Chore;
  readonly #freeing: Chore;
  readonly #forgetting: Chore;

  constructor(vault: VaultParts) {
    this.#vault = vault;
    this.#watch = new ClockWatch(vault.clock);
    this.#prunedAt = vault.clock.monotonic();
    this.#missed = new MissedRotations(vault, () => this.#watch.agreesFor(settleMs));
    this.#planning = new Chore(vault);
    this.#beginning = new Chore(vault);
    this.#freeing = new Chore(vault);
    this.#forgetting = new Chore(vault);
  }

  wasSilent(): void {
    this.#isSilent = true;
  }

  async run(): Promise<undefined> {
    const { hub, storage, keyring } = this.#vault;
    const { heardMs, silent } = this.#watch.tick();
    this.#isSilent ||= silent || keyring.sealed;
    await hub.lookForCommits(storage);
    if (keyring.sealed) return;
    if (await this.#mayRefuse()) this.#isSilent = true;
    else if (this.#isSilent) await this.catchUp();
    else {
      this.#uncountedMs += heardMs;
      const ended = (await this.#growOlder()) + (await this.#runDue());
      if (ended > 0) hub.wake();
    }
    await this.#forget();
  }

  /** Whether the clock went back to where not everybody is let in (`mayRefuse`): as silent as a vault that does not run. */
  async #mayRefuse(): Promise<boolean> {
    const { storage, log, clock } = this.#vault;
    const until = await storage.refusedUntil({ now: clock.now() });
    if (until === null) this.#warnedAt = null;
    else if (this.#warnedAt === null || clock.monotonic() - this.#warnedAt >= warnEveryMs) {
      this.#warnedAt = clock.monotonic();
      log.write('warn', 'clock.went-back', { until: new Date(until).toISOString() });
    }
    await this.#announceRefusals();
    return until !== null || (await storage.mayRefuse({ now: clock.now() }));
  }

  /** What a clock ahead of its time leaves for later is said when it was put right, and not only when it comes. */
  async #announceRefusals(): Promise<void> {
    const { storage, log, clock } = this.#vault;
    const next = await storage.refusedNext({ now: clock.now() });
    if (next !== null && next.from !== this.#announcedFrom) {
      log.write('warn', 'clock.will-refuse', { from: new Date(next.from).toISOString(), until: new Date(next.until).toISOString() });
    }
    this.#announcedFrom = next === null ? null : next.from;
  }

  /** Nothing of the silence is counted, and what would end soon after it lasts a little longer. */
  async catchUp(): Promise<void> {
    const { storage, log, clock } = this.#vault;
    this.#uncountedMs = 0;
    this.#bringForwardIsDue = true;
    const extended = await storage.extendDrains({ now: clock.now(), atMostMs: drainAfterSilenceMs });
    this.#isSilent = false;
    if (extended > 0) log.write('info', 'drain.extended', { count: extended });
    await this.#free();
  }

  /** At the next end, and now and then before it: each count is a write. */
  async #growOlder(): Promise<number> {
    const { storage, clock } = this.#vault;
    const untilEnd = await storage.untilNextEnd();
    if (this.#uncountedMs < (untilEnd === null ? countAtLeastEveryMs : Math.min(untilEnd, countWhileEndingMs))) return 0;
    const elapsedMs = this.#uncountedMs;
    this.#uncountedMs = 0;
    return storage.growOlder({ now: clock.now(), elapsedMs, limit: batch });
  }

  async #runDue(): Promise<number> {
    if (this.#bringForwardIsDue && this.#watch.agreesFor(settleMs)) await this.#bringForward();
    const { storage, clock } = this.#vault;
    const now = clock.now();
    const dueAt = await storage.nextDueAt({ now });
    if (dueAt === null || dueAt > now) return 0;
    const offered = this.#mayBegin() ? await this.#begin(now) : 0;
    return offered + (await this.#free());
  }

  #begin(now: number): Promise<number> {
    const { storage, log } = this.#vault;
    return this.#beginning.run(async () => {
      const failures = new Map<string, unknown>();
      const offered = await storage.requestDueRotations({
        now,
        limit: batch,
        mayBegin: this.#missed.mayBegin,
        seal: this.#sealNoting(failures),
      });
      for (const [secretId, error] of failures) log.failure('schedule.failed', error, { secretId });
      if (offered > 0) log.write('info', 'rotation.offered', { count: offered });
      return offered;
    });
  }

  /** The store puts off a secret whose value cannot be sealed; why that was, only we can say. */
  #sealNoting(failures: Map<string, unknown>): SealNewVersion {
    const seal = sealGenerated(this.#vault);
    return (version) => {
      try {
        return seal(version);
      } catch (error) {
        failures.set(version.secretId, error);
        throw error;
      }
    };
  }

  /** A clock that jumped may jump back: until it has settled, no schedule believes it. */
  #mayBegin(): boolean {
    return this.#watch.hasNotJumpedFor(settleMs);
  }

  /** A clock that is far behind makes every plan look too far ahead, so the one found at the start has to settle first. */
  #bringForward(): Promise<number> {
    const { storage, clock } = this.#vault;
    return this.#planning.run(async () => {
      const moved = await storage.bringForward({ now: clock.now() });
      this.#bringForwardIsDue = false;
      return moved;
    });
  }

  #free(): Promise<number> {
    const { storage, clock } = this.#vault;
    return this.#freeing.run(() => storage.expireClaims({ now: clock.now(), limit: batch }));
  }

  /** What is forgotten cannot be had back, so also the clock that the process found at its start has to settle first. */
  async #forget(): Promise<void> {
    const { clock } = this.#vault;
    if (clock.monotonic() - this.#prunedAt < pruneEveryMs || !this.#watch.agreesFor(settleMs)) return;
    this.#prunedAt = clock.monotonic();
    await this.#forgetting.run(() => this.#forgetAll());
  }

  async #forgetAll(): Promise<number> {
    const { storage, clock } = this.#vault;
    let sum = 0;
    const endsAt = clock.monotonic() + forgetWithinMs;
    for (let round = 0; round < forgetRounds && clock.monotonic() <= endsAt; round += 1) {
      const forgotten = await storage.prune({ now: clock.now(), limit: forgetBatch, keepEventsMs });
      sum += forgotten;
      if (forgotten < forgetBatch) break;
    }
    return sum;
  }
}
