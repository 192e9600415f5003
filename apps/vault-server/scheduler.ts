/**
 * The vault's own clockwork: due rotations become pending, drain deadlines and leases run out, old rows are forgotten.
 * Every node may run it: each operation is one transaction that does a thing once. It stands still while sealed.
 */
import { startLoop } from '@sikkerkey/core/loop.ts';
import { sealGenerated } from './routes/seal-version.ts';
import type { VaultParts } from './vault-parts.ts';

const tickMs = 1_000;
const pruneEveryMs = 60_000;
/** Rows that one operation touches at most, so that none keeps the others waiting. */
const batch = 200;
/** Events that a listener may have missed and still catch up with. */
const keepEventsMs = 24 * 3_600_000;
/** A rotation later than this was missed while the vault was down or sealed. */
const overdueMs = 30_000;
/** Missed rotations begin within this time, or within their interval where that is shorter, spread evenly instead of all at once. */
const spreadOverMs = 300_000;
/** A wall clock that moved this much against the other one between two ticks was set, or the host slept. */
const jumpMs = 60_000;
/** What a drain still lasts after a time in which nobody could hear of the promotion, unless its own deadline is shorter. */
const drainAfterSilenceMs = 900_000;

export interface Scheduler {
  /** Call after unsealing: drains get time again and what became due is spread out, before anything begins or runs out. */
  catchUp(): Promise<void>;
  readonly done: Promise<void>;
}

/** Runs until the signal is aborted. Failures are logged and the next tick tries again. */
export function startScheduler(vault: VaultParts, signal: AbortSignal): Scheduler {
  let prunedAt = vault.clock.monotonic();
  const wallAhead = (): number => vault.clock.now() - vault.clock.monotonic();
  let aheadBefore = wallAhead();
  let isSilent = true;
  const catchUp = async (): Promise<void> => {
    const ahead = wallAhead();
    prunedAt = vault.clock.monotonic();
    await endSilence(vault);
    aheadBefore = ahead;
    isSilent = false;
  };
  const run = async (): Promise<undefined> => {
    await vault.hub.lookForCommits(vault.storage);
    if (vault.keyring.sealed) {
      isSilent = true;
      return;
    }
    if (isSilent || Math.abs(wallAhead() - aheadBefore) > jumpMs) {
      await catchUp();
      return;
    }
    aheadBefore = wallAhead();
    if ((await runDue(vault)) > 0) vault.hub.wake();
    if (vault.clock.monotonic() - prunedAt < pruneEveryMs) return;
    prunedAt = vault.clock.monotonic();
    await vault.storage.prune({ now: vault.clock.now(), limit: batch, keepEventsMs });
  };
  const loop = startLoop(
    {
      name: 'scheduler',
      intervalMs: tickMs,
      run,
      classify: (error) => {
        vault.log.failure('schedule.failed', error);
        return 'retry';
      },
    },
    vault,
    signal,
  );
  return { catchUp, done: loop.done };
}

async function runDue(vault: VaultParts): Promise<number> {
  const now = vault.clock.now();
  const dueAt = await vault.storage.nextDueAt();
  if (dueAt === null || dueAt > now) return 0;
  const offered = await vault.storage.requestDueRotations({ now, limit: batch, seal: sealGenerated(vault) });
  const drained = await vault.storage.expireDrains({ now, limit: batch });
  const freed = await vault.storage.expireClaims({ now, limit: batch });
  if (offered > 0) vault.log.write('info', 'rotation.offered', { count: offered });
  return offered + drained + freed;
}

/** The drains first, and before anything is awaited: no request may find a deadline that passed in the silence. */
async function endSilence(vault: VaultParts): Promise<void> {
  const now = vault.clock.now();
  const extended = await vault.storage.extendDrains({ now, atMostMs: drainAfterSilenceMs });
  if (extended > 0) vault.log.write('info', 'drain.extended', { count: extended });
  await vault.storage.expireClaims({ now, limit: batch });
  const delayMs = (intervalMs: number): number => Math.floor(vault.random.fraction() * Math.min(spreadOverMs, intervalMs));
  const moved = await vault.storage.spreadOverdueRotations({ now: vault.clock.now(), overdueMs, delayMs });
  if (moved > 0) vault.log.write('info', 'schedule.ran', { count: moved });
}
