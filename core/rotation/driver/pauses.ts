/** How long the driver waits, by what it waits for. All in milliseconds of the monotonic clock. */
import { type BackoffPolicy, backoffAfter, fullJitter, jitterAround } from '../../backoff.ts';
import type { Random } from '../../random.ts';
import type { Rest } from '../machine/state.ts';

/** A database that gives no answer for this long ends the call; the row stays. */
export const engineDeadlineMs = 60_000;
/** How often the shape is looked at in the middle of a long drain. */
export const driftPeriodMs = 600_000;

const vaultBackoff: BackoffPolicy = { firstMs: 250, factor: 2, maxMs: 30_000 };
const engineBackoff: BackoffPolicy = { firstMs: 200, factor: 2, maxMs: 10_000 };
const sessionsBackoff: BackoffPolicy = { firstMs: 200, factor: 2, maxMs: 30_000 };
const leastPauseMs = 20;
const drainFallbackMs = 300_000;
const blockedRetryMs = 30_000;
const personRetryMs = 60_000;
const share = 0.2;

export function pauseForVault(attempt: number, random: Random): number {
  return Math.max(leastPauseMs, fullJitter(backoffAfter(attempt, vaultBackoff), random));
}

export function pauseForEngine(attempt: number, random: Random): number {
  return Math.max(leastPauseMs, fullJitter(backoffAfter(attempt, engineBackoff), random));
}

/**
 * Until the drain is asked about again without a trigger. The vault says when its readers are done (`drain-clear`), so
 * that wait is only the fallback; sessions in the database say nothing, so they are counted again soon, then less often.
 */
export function pauseOfDrain(rest: Extract<Rest, { kind: 'draining' }>, checks: number, random: Random): number {
  if (rest.deadlineInMs === null) return jitterAround(backoffAfter(checks, sessionsBackoff), share, random);
  return Math.max(leastPauseMs, Math.min(rest.deadlineInMs, jitterAround(drainFallbackMs, share, random)));
}

export function pauseWhileBlocked(rest: Extract<Rest, { kind: 'blocked' | 'denied' }>, random: Random): number {
  const isForPerson = rest.kind === 'denied' || rest.state === 'QUARANTINED';
  return jitterAround(isForPerson ? personRetryMs : blockedRetryMs, share, random);
}
