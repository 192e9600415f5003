/**
 * The work of the sample application: workers that open a fresh connection for every piece of work, and workers that
 * share an ordinary `pg` pool. Neither knows anything of rotation; both get their login from the SDK.
 */
import type { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { RotatingPool, SecretReader } from '@sikkerkey/sdk/index.ts';
import { Client } from 'pg';
import { Latencies } from '../latencies.ts';
import type { ApplicationReport } from './report.ts';

export interface WorkloadParts {
  readonly reader: SecretReader;
  readonly pool: RotatingPool;
  readonly clock: typeof systemClock;
  readonly workers: number;
  readonly poolWorkers: number;
}

/** Between two logins of one worker: a login costs both sides milliseconds of key derivation, and the machine does more. */
const loginPauseMs = 60;
const queryPauseMs = 20;
const connectTimeoutMs = 10_000;

export class Workload {
  readonly #parts: WorkloadParts;
  readonly #stopping = new AbortController();
  readonly #failures = new Map<string, number>();
  readonly #loginLatency = new Latencies();
  readonly #queryLatency = new Latencies();
  #tried = 0;
  #failed = 0;
  #queries = 0;
  #failedQueries = 0;
  #username: string | null = null;
  #version: number | null = null;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
  }

  /** Resolves when `stop` was called and everything that was begun is over. */
  async run(): Promise<void> {
    const logins = Array.from({ length: this.#parts.workers }, () => this.#repeat(loginPauseMs, () => this.#freshLogin()));
    const queries = Array.from({ length: this.#parts.poolWorkers }, () => this.#repeat(queryPauseMs, () => this.#pooledQuery()));
    await Promise.all([...logins, ...queries]);
  }

  stop(): void {
    this.#stopping.abort();
  }

  report(final: boolean): ApplicationReport {
    const { pool } = this.#parts;
    return {
      kind: 'report',
      logins: {
        tried: this.#tried,
        failed: this.#failed,
        p50Ms: this.#loginLatency.percentile(0.5),
        p95Ms: this.#loginLatency.percentile(0.95),
        username: this.#username,
        version: this.#version,
      },
      pool: {
        queries: this.#queries,
        failed: this.#failedQueries,
        p50Ms: this.#queryLatency.percentile(0.5),
        p95Ms: this.#queryLatency.percentile(0.95),
        version: pool.version,
        clients: pool.totalCount,
      },
      failures: Object.fromEntries(this.#failures),
      final,
    };
  }

  async #repeat(pauseMs: number, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      await work();
      await clock.sleep(pauseMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  async #freshLogin(): Promise<void> {
    this.#tried += 1;
    let client: Client;
    try {
      client = await this.#logIn();
    } catch (error) {
      this.#failed += 1;
      this.#count('login', error);
      return;
    }
    try {
      await client.query('INSERT INTO visit (page) VALUES ($1)', ['/']);
    } catch (error) {
      this.#failed += 1;
      this.#count('work', error);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** The reader counts the login as under way for exactly as long as it is; the connection lives on by itself. */
  #logIn(): Promise<Client> {
    const { reader, clock } = this.#parts;
    return reader.use(async (secret) => {
      const { username, password, host, port, database } = secret.fields();
      const startedAt = clock.monotonic();
      const client = new Client({
        user: username,
        password,
        host,
        port: Number(port),
        database,
        application_name: 'demo fresh login',
        connectionTimeoutMillis: connectTimeoutMs,
      });
      // An error after the login ends in the query that meets it; without a listener Node would end the process.
      client.on('error', () => undefined);
      await client.connect();
      this.#loginLatency.add(clock.monotonic() - startedAt);
      if (this.#version === null || secret.sequence >= this.#version) {
        this.#version = secret.sequence;
        this.#username = username ?? null;
      }
      return client;
    });
  }

  async #pooledQuery(): Promise<void> {
    const { pool, clock } = this.#parts;
    const startedAt = clock.monotonic();
    this.#queries += 1;
    try {
      await pool.query('SELECT page FROM visit ORDER BY id DESC LIMIT 1');
      this.#queryLatency.add(clock.monotonic() - startedAt);
    } catch (error) {
      this.#failedQueries += 1;
      this.#count('query', error);
    }
  }

  #count(what: string, error: unknown): void {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
    const name = `${what} ${code}`;
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
  }
}
