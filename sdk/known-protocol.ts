/**
 * Which protocol the vault speaks, as far as this process knows. /v2 once heard is kept: no stray answer may make reads
 * nameless, for those hold their version until the drain deadline. A vault of the published protocol is asked now and then.
 */
import { jitterAround } from '@sikkerkey/core/backoff.ts';
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';

/** How long a vault of the published protocol is taken for one, ±30 %. */
const askAgainAfterMs = 300_000;

export interface ProtocolQuestions {
  /** Tries for a while; rejects when nothing came that says which one it is. */
  readonly ask: () => Promise<'v2' | 'published'>;
  /** One short attempt. */
  readonly askOnce: () => Promise<'v2' | 'published'>;
}

export class KnownProtocol {
  readonly #questions: ProtocolQuestions;
  readonly #clock: Clock;
  readonly #random: Random;
  #known: 'v2' | 'published' | null = null;
  #askAgainAt = 0;
  #asking: Promise<boolean> | null = null;

  constructor(questions: ProtocolQuestions, clock: Clock, random: Random) {
    this.#questions = questions;
    this.#clock = clock;
    this.#random = random;
  }

  /** Asks where that is due, once for all callers. Throws what asking throws while nothing is known. */
  async speaksV2(): Promise<boolean> {
    if (this.#known === 'v2') return true;
    if (this.#known === 'published' && this.#clock.monotonic() < this.#askAgainAt) return false;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(): Promise<boolean> {
    const { ask, askOnce } = this.#questions;
    // No conclusive answer leaves what is known: the call that follows finds out by itself whether the vault is there.
    this.#known = await (this.#known === null ? ask() : askOnce().catch(() => 'published' as const));
    this.#askAgainAt = this.#clock.monotonic() + jitterAround(askAgainAfterMs, 0.3, this.#random);
    return this.#known === 'v2';
  }
}
