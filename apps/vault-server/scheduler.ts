/**
 * The vault's own clockwork: due rotations become pending, drains and leases run out, old rows are forgotten. Every node
 * may run it: each operation is one transaction that does a thing once. It stands still while sealed.
 *
 * Only this tick makes the vault older (managed/vault-age.ts), so only it ends drains and holds; and it asks the clock
 * watch before it believes the wall clock in what cannot be taken back: beginning rotations and forgetting.
 */
import { startLoop } from '@sikkerkey/core/loop.ts';
import { ClockWatch } from './clock-watch.ts';
import { countAtLeastEveryMs } from './managed/vault-age.ts';
import { sealGenerated } from './routes/seal-version.ts';
import type { VaultParts } from './vault-parts.ts';

const tickMs = 1_000;
const pruneEveryMs = 60_000;
/** Rows that one operation touches at most, so that none keeps the others waiting. */
const batch = 200;
/** Rows that one operation forgets at most, and how often it is asked in one go: enough for some thousand reads a second. */
const forgetBatch = 2_000;
const forgetRounds = 100;
/** Events that a listener may have missed and still catch up with. */
const keepEventsMs = 24 * 3_600_000;
/** A rotation later than this was missed while the vault was down or sealed. */
const overdueMs = 30_000;
/** Missed rotations begin within this time, or within their interval where that is shorter, spread evenly instead of all at once. */
const spreadOverMs = 300_000;
/** How long the wall clock must go right before it is believed again; longer than any nonce is kept. */
const settleMs = 900_000;
/** What a drain still lasts after a time in which nobody could hear of the promotion, unless its own deadline is shorter. */
const drainAfterSilenceMs = 900_000;

export interface Scheduler {
  /** Call after unsealing: drains get time again and what became due is spread out, before anything begins or runs out. */
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
        // A store that could not be written: who read or acknowledged in this time may not have been answered either.
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
  /** Rotations that became due in a silence are not spread out yet. */
  #spreadIsDue = true;
  #prunedAt: number;

  constructor(vault: VaultParts) {
    this.#vault = vault;
    this.#watch = new ClockWatch(vault.clock);
    this.#prunedAt = vault.clock.monotonic();
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
    if (this.#isSilent) {
      await this.catchUp();
      return;
    }
    this.#uncountedMs += heardMs;
    const ended = (await this.#growOlder()) + (await this.#runDue());
    if (ended > 0) hub.wake();
    await this.#forget();
  }

  /** Nothing of the silence is counted, and what would end soon after it lasts a little longer. */
  async catchUp(): Promise<void> {
    const { storage, log, clock } = this.#vault;
    this.#uncountedMs = 0;
    this.#spreadIsDue = true;
    const extended = await storage.extendDrains({ now: clock.now(), atMostMs: drainAfterSilenceMs });
    if (extended > 0) log.write('info', 'drain.extended', { count: extended });
    await storage.expireClaims({ now: clock.now(), limit: batch });
    if (this.#mayBegin()) await this.#spread();
    this.#isSilent = false;
  }

  /** Only while something runs that it can end, or else once a minute: each count is a write. */
  async #growOlder(): Promise<number> {
    const { storage, clock } = this.#vault;
    const runs = (await storage.untilNextEnd()) !== null;
    if (!runs && this.#uncountedMs < countAtLeastEveryMs) return 0;
    const elapsedMs = this.#uncountedMs;
    this.#uncountedMs = 0;
    return storage.growOlder({ now: clock.now(), elapsedMs, limit: batch });
  }

  async #runDue(): Promise<number> {
    const { storage, clock, log } = this.#vault;
    const mayBegin = this.#mayBegin();
    if (mayBegin && this.#spreadIsDue) await this.#spread();
    const now = clock.now();
    const dueAt = await storage.nextDueAt();
    if (dueAt === null || dueAt > now) return 0;
    const offered = mayBegin ? await storage.requestDueRotations({ now, limit: batch, seal: sealGenerated(this.#vault) }) : 0;
    const freed = await storage.expireClaims({ now, limit: batch });
    if (offered > 0) log.write('info', 'rotation.offered', { count: offered });
    return offered + freed;
  }

  /** A clock that jumped may jump back: until it has settled, no schedule believes it. */
  #mayBegin(): boolean {
    return this.#watch.hasNotJumpedFor(settleMs);
  }

  async #spread(): Promise<void> {
    const { storage, clock, log, random } = this.#vault;
    const delayMs = (intervalMs: number): number => Math.floor(random.fraction() * Math.min(spreadOverMs, intervalMs));
    const moved = await storage.spreadOverdueRotations({ now: clock.now(), overdueMs, delayMs });
    this.#spreadIsDue = false;
    if (moved > 0) log.write('info', 'schedule.ran', { count: moved });
  }

  /** What is forgotten cannot be had back, so also the clock that the process found at its start has to settle first. */
  async #forget(): Promise<void> {
    const { storage, clock } = this.#vault;
    if (clock.monotonic() - this.#prunedAt < pruneEveryMs || !this.#watch.agreesFor(settleMs)) return;
    this.#prunedAt = clock.monotonic();
    for (let round = 0; round < forgetRounds; round += 1) {
      if ((await storage.prune({ now: clock.now(), limit: forgetBatch, keepEventsMs })) < forgetBatch) return;
    }
  }
}
