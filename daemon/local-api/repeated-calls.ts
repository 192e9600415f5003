/**
 * Calls that change something are carried out once for each idempotency key: a client that lost the answer asks again
 * with the same key and gets the same answer. Keys are remembered while this process lives, the newest thousand of them.
 */
import { createHash } from 'node:crypto';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

const rememberedCalls = 1000;

interface RememberedCall {
  readonly contents: string;
  readonly result: Promise<unknown>;
}

export class RepeatedCalls {
  readonly #calls = new Map<string, RememberedCall>();

  /** Runs the call, or returns the result of the one with this key. Throws CatalogueError `idempotency-key-reused`. */
  once(key: string, method: string, params: unknown, run: () => Promise<unknown>): Promise<unknown> {
    const contents = createHash('sha256')
      .update(`${method}\n${JSON.stringify(params)}`)
      .digest('hex');
    const known = this.#calls.get(key);
    if (known !== undefined) {
      if (known.contents !== contents) throw new CatalogueError('idempotency-key-reused', {});
      return known.result;
    }
    const result = run();
    this.#calls.set(key, { contents, result });
    // A failed call did nothing that its repetition could double; the next attempt runs again.
    result.catch(() => this.#calls.delete(key));
    this.#forgetOldest();
    return result;
  }

  #forgetOldest(): void {
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > rememberedCalls && oldest !== undefined) this.#calls.delete(oldest);
  }
}
