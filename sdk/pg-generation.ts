/**
 * One version of a login and the `pg` pool that uses it. A generation is never given other credentials; it is replaced,
 * and then ends by itself when its last client comes back. Its sessions outlive the password, which PostgreSQL allows.
 */
import type { Pool, PoolClient, PoolConfig } from 'pg';

export type PoolClass = new (config: PoolConfig) => Pool;

export class PoolGeneration {
  readonly sequence: number;
  readonly #pool: Pool;
  readonly #onIdleError: (error: Error) => void;
  #checkedOut = 0;
  #loggingIn = 0;
  #replaced = false;
  #isEnding = false;
  readonly #whenEnded = Promise.withResolvers<void>();

  constructor(sequence: number, pool: Pool, onIdleError: (error: Error) => void) {
    this.sequence = sequence;
    this.#pool = pool;
    this.#onIdleError = onIdleError;
    // The pool has already dropped an idle client that failed; without a listener Node would end the process.
    this.#pool.on('error', (error) => this.#onIdleError(error));
  }

  /** Clients that are out or on their way. */
  get busy(): number {
    return this.#checkedOut;
  }

  get total(): number {
    return this.#pool.totalCount;
  }

  get idle(): number {
    return this.#pool.idleCount;
  }

  /**
   * A client, freshly logged in or idle. The caller keeps `busy` below the pool's size, so that this never waits for
   * another client: a checkout that waited here could still log in after the generation was replaced.
   */
  async checkOut(onRelease: () => void): Promise<PoolClient> {
    this.#checkedOut += 1;
    this.#loggingIn += 1;
    try {
      const client = await this.#pool.connect();
      this.#observeRelease(client, onRelease);
      return client;
    } catch (error) {
      this.#checkedOut -= 1;
      onRelease();
      throw error;
    } finally {
      this.#loggingIn -= 1;
      if (this.#replaced && this.#loggingIn === 0) this.#end();
    }
  }

  /** No checkout begins any more. Idle clients end now, the others when they are released. */
  replace(): void {
    this.#replaced = true;
    if (this.#loggingIn === 0) this.#end();
  }

  /** Resolves when the last client has ended. */
  ended(): Promise<void> {
    this.replace();
    return this.#whenEnded.promise;
  }

  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#pool.end().then(this.#whenEnded.resolve, this.#whenEnded.reject);
  }

  #observeRelease(client: PoolClient, onRelease: () => void): void {
    // pg makes a new `release` for each checkout, and it throws when it is called twice.
    const release = client.release.bind(client);
    client.release = (error) => {
      release(error);
      this.#checkedOut -= 1;
      onRelease();
    };
  }
}
