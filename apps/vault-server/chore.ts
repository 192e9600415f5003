/**
 * A piece of the tick's work that fails for itself: the failure is logged, the rest of the tick goes on, and this piece
 * comes again after a pause. So what cannot be forgotten or begun today keeps no drain from ending.
 */
import type { VaultParts } from './vault-parts.ts';

const pauseAfterFailureMs = 30_000;

export class Chore {
  readonly #vault: Pick<VaultParts, 'clock' | 'log'>;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(vault: Pick<VaultParts, 'clock' | 'log'>) {
    this.#vault = vault;
  }

  /** How much was done: what `work` resolves to; 0 after a failure and in the pause that follows. Never rejects. */
  async run(work: () => Promise<number>): Promise<number> {
    const { clock, log } = this.#vault;
    if (clock.monotonic() < this.#notBefore) return 0;
    try {
      return await work();
    } catch (error) {
      this.#notBefore = clock.monotonic() + pauseAfterFailureMs;
      log.failure('schedule.failed', error);
      return 0;
    }
  }
}
