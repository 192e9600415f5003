/** A wait that somebody can end before its time. */
import type { Clock } from './clock.ts';

export interface Bell {
  /** Ends the wait that is under way, or the next one. */
  ring(): void;
  /** Resolves when the time is over, at the ring (also one that came before), or when the signal is aborted. */
  waitFor(clock: Clock, ms: number | null, signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let hasRung = false;
  let wake: (() => void) | null = null;
  return {
    ring: () => {
      hasRung = true;
      wake?.();
    },
    waitFor: async (clock, ms, signal) => {
      if (!hasRung && !signal.aborted && ms !== 0) {
        const interruption = new AbortController();
        wake = () => interruption.abort();
        signal.addEventListener('abort', wake, { once: true });
        await sleepUnlessWoken(clock, ms, interruption.signal);
        signal.removeEventListener('abort', wake);
        wake = null;
      }
      hasRung = false;
    },
  };
}

/** The clock itself, but for its sleeps: a ring ends them too. */
export function cutShortBy(bell: Bell, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: async (ms, signal = new AbortController().signal) => {
      await bell.waitFor(clock, ms, signal);
      signal.throwIfAborted();
    },
  };
}

async function sleepUnlessWoken(clock: Clock, ms: number | null, interruption: AbortSignal): Promise<void> {
  if (ms === null) {
    await new Promise<void>((resolve) => {
      interruption.addEventListener('abort', () => resolve(), { once: true });
    });
    return;
  }
  try {
    await clock.sleep(ms, interruption);
  } catch (error) {
    if (!interruption.aborted) throw error;
  }
}
