/** Asks again after what passes by itself: no answer, 429, 5xx. Waits are jittered and honour the vault's own wish. */
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { VaultRefusal } from './refusal.ts';
import { TransportFailure } from './transport.ts';

export interface RetryPlan {
  readonly delaysMs: readonly number[];
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
}

const longestWishMs = 60_000;

/** Runs `attempt` until it succeeds, fails for good, or the delays are used up. Throws the last failure. */
export async function withRetries<T>(plan: RetryPlan, attempt: () => Promise<T>): Promise<T> {
  for (const delayMs of plan.delaysMs) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error)) throw error;
      const wishMs = error instanceof VaultRefusal ? Math.min(error.retryAfterMs ?? 0, longestWishMs) : 0;
      await plan.clock.sleep(Math.max(wishMs, delayMs * (0.5 + plan.random.fraction() / 2)), plan.signal);
    }
  }
  return attempt();
}

/** Whether the failure may pass by itself. */
export function mayPass(error: unknown): boolean {
  if (error instanceof VaultRefusal) return error.temporary;
  return (
    error instanceof TransportFailure &&
    error.fault !== 'cancelled' &&
    error.fault !== 'tls-untrusted' &&
    error.fault !== 'answer-too-large'
  );
}
