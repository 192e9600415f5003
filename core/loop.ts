/**
 * The one loop of the product: something that is done again and again, with jitter, backoff after failures, and a
 * trigger that runs it now. One run at a time; a trigger during a run causes one more run after it.
 */
import { type BackoffPolicy, backoffAfter, defaultBackoff, fullJitter, jitterAround } from './backoff.ts';
import { type Bell, createBell } from './bell.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** What a failed run means for the loop. `retry`: again after backoff. `stop`: the loop ends and `done` rejects. */
export type FailureClass = 'retry' | 'stop';

export interface LoopOptions {
  readonly name: string;
  /** From the end of one run to the start of the next; null waits for a trigger only. */
  readonly intervalMs: number | null;
  /** Share of the interval by which it varies either way, 0 to 1. Default 0.1. */
  readonly jitter?: number;
  /** Milliseconds before the first run; 0 when absent, null for a first run only by trigger. */
  readonly firstRunInMs?: number | null;
  readonly backoff?: BackoffPolicy;
  /** One run. What it resolves to replaces the interval once: milliseconds (no jitter is added), or null for "by trigger only". */
  run(signal: AbortSignal): Promise<{ readonly nextInMs: number | null } | undefined>;
  classify(error: unknown): FailureClass;
}

export interface LoopStatus {
  readonly name: string;
  readonly phase: 'waiting' | 'running' | 'ended';
  readonly runs: number;
  readonly consecutiveFailures: number;
  /** Monotonic milliseconds; null before the first. */
  readonly lastStartedAt: number | null;
  readonly lastEndedAt: number | null;
  /** Null while running, ended, or waiting for a trigger only. */
  readonly nextRunAt: number | null;
  readonly lastError: unknown;
}

export interface Loop {
  /** Runs now, or once more right after the run that is under way. */
  trigger(): void;
  status(): LoopStatus;
  /** Resolves when the signal has ended the loop; rejects with the failure that `classify` called `stop`. */
  readonly done: Promise<void>;
}

interface Progress {
  phase: LoopStatus['phase'];
  runs: number;
  consecutiveFailures: number;
  lastStartedAt: number | null;
  lastEndedAt: number | null;
  nextRunAt: number | null;
  lastError: unknown;
}

/** Starts at once and ends with the signal. */
export function startLoop(options: LoopOptions, deps: { readonly clock: Clock; readonly random: Random }, signal: AbortSignal): Loop {
  const bell = createBell();
  const progress: Progress = {
    phase: 'waiting',
    runs: 0,
    consecutiveFailures: 0,
    lastStartedAt: null,
    lastEndedAt: null,
    nextRunAt: null,
    lastError: null,
  };
  const done = turn(options, deps, bell, progress, signal).finally(() => {
    progress.phase = 'ended';
    progress.nextRunAt = null;
  });
  return { trigger: bell.ring, status: () => ({ name: options.name, ...progress }), done };
}

async function turn(
  options: LoopOptions,
  deps: { readonly clock: Clock; readonly random: Random },
  bell: Bell,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  let waitMs = options.firstRunInMs === undefined ? 0 : options.firstRunInMs;
  for (;;) {
    progress.phase = 'waiting';
    progress.nextRunAt = waitMs === null ? null : clock.monotonic() + waitMs;
    await bell.waitFor(clock, waitMs, signal);
    if (signal.aborted) return;
    progress.phase = 'running';
    progress.nextRunAt = null;
    progress.lastStartedAt = clock.monotonic();
    progress.runs += 1;
    waitMs = await runOnce(options, deps.random, progress, signal);
    progress.lastEndedAt = clock.monotonic();
  }
}

/** Returns how long to wait for the next run. */
async function runOnce(options: LoopOptions, random: Random, progress: Progress, signal: AbortSignal): Promise<number | null> {
  try {
    const wish = await options.run(signal);
    progress.consecutiveFailures = 0;
    progress.lastError = null;
    if (wish !== undefined) return wish.nextInMs;
    return options.intervalMs === null ? null : jitterAround(options.intervalMs, options.jitter ?? 0.1, random);
  } catch (error) {
    if (signal.aborted) return null;
    progress.consecutiveFailures += 1;
    progress.lastError = error;
    if (options.classify(error) === 'stop') throw error;
    return fullJitter(backoffAfter(progress.consecutiveFailures, options.backoff ?? defaultBackoff), random);
  }
}
