/** How long to wait before trying again: durations that grow to a ceiling, and jitter so that many do not try together. */
import type { Random } from './random.ts';

export interface BackoffPolicy {
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** For a peer that should be back soon: 0.25 s growing to 30 s. */
export const defaultBackoff: BackoffPolicy = { firstMs: 250, factor: 2, maxMs: 30_000 };

/** Endless durations in milliseconds, without jitter; never above `maxMs`. */
export function* backoffDurations(policy: BackoffPolicy = defaultBackoff): Generator<number, never, void> {
  let ms = policy.firstMs;
  for (;;) {
    yield Math.min(ms, policy.maxMs);
    ms = Math.min(ms * policy.factor, policy.maxMs);
  }
}

/** The duration after `attempt` failures in a row (1 for the first), without jitter. */
export function backoffAfter(attempt: number, policy: BackoffPolicy = defaultBackoff): number {
  return Math.min(policy.firstMs * policy.factor ** Math.max(0, attempt - 1), policy.maxMs);
}

/** Uniform between nothing and `ms`: spreads those who failed together over the whole span. */
export function fullJitter(ms: number, random: Random): number {
  return Math.round(ms * random.fraction());
}

/** Uniform within `share` of `ms` on either side: for periods, whose mean must stay `ms`. */
export function jitterAround(ms: number, share: number, random: Random): number {
  return Math.round(ms * (1 + share * (2 * random.fraction() - 1)));
}
