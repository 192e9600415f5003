/**
 * Wakes the event streams of this process after commits: at once for its own, within a second for those of other nodes.
 * Holds no events: each stream reads them from the store at its own pace, so a slow listener costs no memory here.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';

export interface Listener {
  /** Something may have been committed; called often, must return at once. */
  wake(): void;
  close(reason: 'sealed' | 'stopping'): void;
}

interface Cursors {
  eventCursor(): Promise<string>;
}

export class EventHub {
  readonly #listeners = new Set<Listener>();
  #seen: string | null = null;

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Call after an operation of this process that may have appended events. */
  wake(): void {
    for (const listener of this.#listeners) listener.wake();
  }

  closeAll(reason: 'sealed' | 'stopping'): void {
    for (const listener of [...this.#listeners]) listener.close(reason);
    this.#listeners.clear();
  }

  /** Looks for commits of other nodes; wakes the listeners where the position moved. */
  async lookForCommits(storage: Cursors): Promise<void> {
    if (this.#listeners.size === 0) return;
    const cursor = await storage.eventCursor();
    if (this.#seen !== null && cursor !== this.#seen) this.wake();
    this.#seen = cursor;
  }
}

/** How often each stream reads even when nothing woke it, and says that it lives. */
export const keepAliveMs = 15_000;

/** Resolves when `signal` is aborted or `ms` have passed, without throwing. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
