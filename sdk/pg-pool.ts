/**
 * A `pg` pool that follows the user name and password of a secret. A newer version gets its own pool at once, and new
 * checkouts go there; queries under way finish on the old one. No login with an older version begins after the vault
 * was told so (rotation-protocol.md rule 4), because every login is a use of the secret's reader.
 */
import type { PoolClient, PoolConfig, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { FieldNotFoundError } from './errors.ts';
import { type PoolClass, PoolGeneration } from './pg-generation.ts';
import type { ReadSecret, SecretReader } from './secret-reader.ts';
import type { SikkerKey } from './sikker-key.ts';

/** Everything that `pg` takes; host, port and database default to the secret's own fields, user and password are always the secret's. */
export interface RotatingPoolOptions extends Omit<PoolConfig, 'user' | 'password' | 'connectionString'> {
  /** The application's `pg.Pool`. */
  readonly Pool: PoolClass;
  /** Shown to operators as the holder of a version. */
  readonly poolName?: string | undefined;
  /** Fields of the secret that carry the login. */
  readonly usernameField?: string | undefined;
  readonly passwordField?: string | undefined;
  /** How long a refused login waits for a newer password before the refusal is passed on. Default 5 s. */
  readonly waitForNewPasswordMs?: number | undefined;
  /** Errors of idle clients, which the pool has already replaced. */
  readonly onIdleError?: ((error: Error) => void) | undefined;
}

/** The part of `pg.Pool` that applications live on. */
export interface RotatingPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  /** The version in use; null before the first checkout, and where the vault tells no versions. */
  readonly version: number | null;
  connect(): Promise<PoolClient>;
  query<Row extends QueryResultRow = QueryResultRow>(query: string | QueryConfig, values?: unknown[]): Promise<QueryResult<Row>>;
  /** Resolves when every client has ended; refuses checkouts from the first moment. */
  end(): Promise<void>;
}

/** Makes the pool; nothing is read or connected before the first checkout. */
export function createRotatingPool(sikkerkey: SikkerKey, secretId: string, options: RotatingPoolOptions): RotatingPool {
  return new GenerationsPool(sikkerkey.reader(secretId, { pool: options.poolName ?? 'pg' }), options);
}

/** PostgreSQL's refusals of a login: wrong password, and a login that may not log in (any more). */
const loginRefusals: ReadonlySet<unknown> = new Set(['28P01', '28000']);
const defaultMax = 10;
const defaultConnectTimeoutMs = 10_000;
const defaultWaitMs = 5000;

class GenerationsPool implements RotatingPool {
  readonly #reader: SecretReader;
  readonly #options: RotatingPoolOptions;
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  readonly #replaced = new Set<PoolGeneration>();
  #current: PoolGeneration | null = null;
  #ending: Promise<void> | null = null;
  readonly #renewals = new Map<number, Promise<boolean>>();

  constructor(reader: SecretReader, options: RotatingPoolOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#max = options.max ?? defaultMax;
    reader.onNewer((secret) => this.#follow(secret));
  }

  get totalCount(): number {
    return [this.#current, ...this.#replaced].reduce((sum, generation) => sum + (generation?.total ?? 0), 0);
  }

  get idleCount(): number {
    return this.#current?.idle ?? 0;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get version(): number | null {
    return this.#current !== null && this.#current.sequence > 0 ? this.#current.sequence : null;
  }

  async connect(): Promise<PoolClient> {
    try {
      if (this.#waiting.length > 0 || this.#isFull()) await this.#turn('last');
      for (;;) {
        const client = await this.#checkOut();
        if (client !== null) return client;
        await this.#turn('first');
      }
    } catch (error) {
      // Whoever waits behind a failure must not wait for a release that never comes.
      this.#wakeNext();
      throw error;
    }
  }

  async query<Row extends QueryResultRow = QueryResultRow>(query: string | QueryConfig, values?: unknown[]): Promise<QueryResult<Row>> {
    const client = await this.connect();
    try {
      const result = await client.query<Row>(query as string, values);
      client.release();
      return result;
    } catch (error) {
      // As pg's own pool: a client is not used again after an error, since its state is unknown.
      client.release(error instanceof Error ? error : true);
      throw error;
    }
  }

  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([this.#reader.end(), Promise.allSettled(this.#renewals.values())]);
    await Promise.all([this.#current, ...this.#replaced].map((generation) => generation?.ended()));
  }

  /** A client of the newest version, or null when all of them are out. A refused login is tried once more with a newer version. */
  async #checkOut(): Promise<PoolClient | null> {
    let tried = 0;
    const checkOut = (secret: ReadSecret): Promise<PoolClient> | null => {
      tried = secret.sequence;
      const generation = this.#generationOf(secret);
      return generation.busy >= this.#max ? null : generation.checkOut(() => this.#wakeNext());
    };
    this.#refuseWhenEnding();
    try {
      return await this.#reader.use(checkOut);
    } catch (error) {
      if (!isLoginRefusal(error) || !(await this.#sharedRenewal(tried))) throw error;
    }
    this.#refuseWhenEnding();
    return this.#reader.use(checkOut);
  }

  /** At once, so that idle clients of the old login end without waiting for the next checkout. */
  #follow(secret: ReadSecret): void {
    if (this.#current === null) return;
    try {
      this.#generationOf(secret);
    } catch {
      // A value without the fields of a login: the next checkout meets the same and throws it to its caller.
    }
  }

  #generationOf(secret: ReadSecret): PoolGeneration {
    const current = this.#current;
    if (current !== null && current.sequence >= secret.sequence) return current;
    const pool = new this.#options.Pool(poolConfig(this.#options, this.#max, secret));
    const next = new PoolGeneration(secret.sequence, pool, this.#options.onIdleError ?? (() => undefined));
    this.#current = next;
    if (current !== null) this.#retire(current);
    for (let free = this.#max; free > 0; free -= 1) this.#wakeNext();
    return next;
  }

  #retire(generation: PoolGeneration): void {
    this.#replaced.add(generation);
    void generation.ended().finally(() => this.#replaced.delete(generation));
  }

  /** Whether a version newer than the refused one is to be had: asked at once, then waited for, then asked again. */
  async #renewal(refused: number): Promise<boolean> {
    const isNewer = async (): Promise<boolean> => {
      // The refusal is what the caller must hear of, not that the vault could not be asked.
      const read = await this.#reader.refresh().catch(() => null);
      return read !== null && read.sequence > refused;
    };
    if (await isNewer()) return true;
    const waitMs = this.#options.waitForNewPasswordMs ?? defaultWaitMs;
    if ((await this.#reader.newerThan(refused, waitMs)) !== null) return true;
    return isNewer();
  }

  /** Many workers are refused in the same moment; the vault is asked once for all of them. */
  async #sharedRenewal(refused: number): Promise<boolean> {
    if (this.#current !== null && this.#current.sequence > refused) return true;
    const running = this.#renewals.get(refused) ?? this.#renewal(refused).finally(() => this.#renewals.delete(refused));
    this.#renewals.set(refused, running);
    return running;
  }

  #isFull(): boolean {
    return this.#current !== null && this.#current.busy >= this.#max;
  }

  /** Waits until a client may be free. Throws what pg throws when `connectionTimeoutMillis` pass. */
  #turn(place: 'first' | 'last'): Promise<void> {
    this.#refuseWhenEnding();
    const { connectionTimeoutMillis } = this.#options;
    return new Promise((resolve, reject) => {
      const limit = connectionTimeoutMillis ? AbortSignal.timeout(connectionTimeoutMillis) : undefined;
      const wake = (): void => {
        limit?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        const index = this.#waiting.indexOf(wake);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(new Error('timeout exceeded when trying to connect'));
      };
      limit?.addEventListener('abort', giveUp, { once: true });
      if (place === 'first') this.#waiting.unshift(wake);
      else this.#waiting.push(wake);
    });
  }

  #wakeNext(): void {
    this.#waiting.shift()?.();
  }

  #refuseWhenEnding(): void {
    if (this.#ending !== null) throw new Error('Cannot use a pool after calling end on the pool');
  }
}

function isLoginRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && loginRefusals.has(error.code);
}

function poolConfig(options: RotatingPoolOptions, max: number, secret: ReadSecret): PoolConfig {
  const {
    Pool: _class,
    poolName: _name,
    usernameField,
    passwordField,
    waitForNewPasswordMs: _wait,
    onIdleError: _listener,
    ...given
  } = options;
  const fields = secret.fields();
  const field = (name: string): string => {
    const value = fields[name];
    if (value === undefined)
      throw new FieldNotFoundError(`secret ${secret.secretId} has no field ${name}; it has: ${Object.keys(fields).join(', ')}`);
    return value;
  };
  return {
    ...(fields['host'] === undefined ? {} : { host: fields['host'] }),
    ...(fields['port'] === undefined ? {} : { port: Number(fields['port']) }),
    ...(fields['database'] === undefined ? {} : { database: fields['database'] }),
    connectionTimeoutMillis: defaultConnectTimeoutMs,
    ...given,
    max,
    user: field(usernameField ?? 'username'),
    password: field(passwordField ?? 'password'),
  };
}
