/** Keeps a number of calls in flight until enough have been made. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';

export interface LoadResult {
  readonly seconds: number;
  /** Milliseconds of each call. */
  readonly latenciesMs: readonly number[];
}

/** Rejects with the first failure of a call. */
export async function runLoad(total: number, inFlight: number, call: (index: number) => Promise<void>): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const started = systemClock.monotonic();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) {
      const index = next;
      next += 1;
      const at = systemClock.monotonic();
      await call(index);
      latenciesMs.push(systemClock.monotonic() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { seconds: (systemClock.monotonic() - started) / 1000, latenciesMs };
}
