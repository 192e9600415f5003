/** The one clock of the product, always passed in; `host/system-clock.ts` is the real one, tests bring one they steer. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For stamps and schedules only: it may jump. */
  now(): number;
  /** Milliseconds that never go back; for deadlines, ages and measured durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
