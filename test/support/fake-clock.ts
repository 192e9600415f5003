/**
 * A clock that stands still until the test moves it, and that tells when the code sleeps. `now` and `monotonic` move
 * together with `advance`; `jump` moves the wall clock alone, as a suspended host or a corrected clock does.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';

interface Sleeper {
  readonly dueAt: number;
  readonly wake: () => void;
}

interface Waiter {
  readonly count: number;
  readonly resolve: () => void;
}

/** Lets promises that are ready, and input that has arrived, run. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #sleepers: Sleeper[] = [];
  #waiters: Waiter[] = [];

  constructor(startAt = 1_700_000_000_000) {
    this.#wall = startAt;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** How many sleeps are waiting to be woken. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Milliseconds until the next sleeper wakes; null when nobody sleeps. */
  get nextWakeInMs(): number | null {
    const first = this.#sleepers[0];
    return first === undefined ? null : first.dueAt - this.#monotonic;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper: Sleeper = { dueAt: this.#monotonic + Math.max(0, ms), wake };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
      this.#sleepers.sort((left, right) => left.dueAt - right.dueAt);
      this.#tellWaiters();
    });
  }

  /** Resolves as soon as at least `count` sleeps are under way. */
  async waitUntilSleeping(count = 1): Promise<void> {
    if (this.#sleepers.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiters.push({ count, resolve });
      });
    }
    await settle();
  }

  /** Lets run what is ready, then moves both clocks by `ms`, waking each sleeper at its moment, also those who go to sleep again meanwhile. */
  async advance(ms: number): Promise<void> {
    await settle();
    const until = this.#monotonic + ms;
    for (;;) {
      const first = this.#sleepers[0];
      if (first === undefined || first.dueAt > until) break;
      this.#sleepers.shift();
      this.#moveTo(first.dueAt);
      first.wake();
      await settle();
    }
    this.#moveTo(until);
    await settle();
  }

  /** Moves the wall clock alone. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #moveTo(monotonic: number): void {
    const by = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += by;
    this.#wall += by;
  }

  #tellWaiters(): void {
    const ready = this.#waiters.filter((waiter) => waiter.count <= this.#sleepers.length);
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }
}
