/** One piece of work at a time, and an end of the one under way for whoever cannot wait: its row stays. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { Interrupted } from './interrupted.ts';

export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #interrupt = new AbortController();

  /** After everything that was asked for before, however it ended. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.catch(() => undefined).then(work);
    this.#last = mine;
    return mine;
  }

  /** Resolves when what is under way now is over, or was interrupted after that time. */
  async endWithin(withinMs: number, clock: Clock): Promise<void> {
    const over = new AbortController();
    const last = this.#last.catch(() => undefined).finally(() => over.abort());
    await Promise.race([last, clock.sleep(withinMs, over.signal).catch(() => undefined)]);
    this.interrupt();
  }

  interrupt(): void {
    this.#interrupt.abort(new Interrupted());
  }

  /** What the work resolves to; null when it was interrupted, or the signal aborted. */
  async interruptibly(signal: AbortSignal, work: (signal: AbortSignal) => Promise<number | null>): Promise<number | null> {
    const interrupt = new AbortController();
    this.#interrupt = interrupt;
    try {
      return await work(AbortSignal.any([signal, interrupt.signal]));
    } catch (error) {
      if (signal.aborted || interrupt.signal.aborted) return null;
      throw error;
    }
  }
}
