/**
 * One direct connection with deadlines. It promises: every failure is an EngineFailure with a code, an aborted or late
 * query ends the connection (its outcome is then unknown), and options are passed as values, never as a URL.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { SecretText } from '@sikkerkey/core/secret-text.ts';
import pg from 'pg';
import type { TlsSettings } from './config.ts';
import { classify } from './errors.ts';
import { tlsOptions } from './tls.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: SecretText;
  readonly tls: TlsSettings;
  readonly applicationName: string;
}

export interface Connection {
  /** Process id of the server's side, as it was told at login. */
  readonly backendPid: number | null;
  /** Rows of exactly one statement: the extended protocol refuses a second one. Throws EngineFailure. */
  query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]>;
  /** Several statements in one message. Throws EngineFailure. */
  script(sql: string, signal: AbortSignal): Promise<void>;
  /** Never throws and never waits long. */
  close(): Promise<void>;
}

/**
 * The server was satisfied with who logged in and then ended the session: a connection limit, no CONNECT, NOLOGIN. It says
 * so only after the password, so a login that failed in this way has proven its password (where passwords are compared).
 */
export class RefusedAfterPassword extends EngineFailure {}

/** What is checked after authentication (postinit.c): NOLOGIN, CONNECT, the database, limits, a database that takes nobody. */
const checkedAfterPassword = new Set(['28000', '42501', '3D000', '53300', '55000']);

const connectTimeoutMs = 10_000;
/** Above the server's own statement_timeout, so that the server's answer normally comes first. */
const queryDeadlineMs = 15_000;
const closeDeadlineMs = 1_000;

/** Logs in. Throws EngineFailure, or the signal's reason when it was aborted. */
export async function connect(target: Target, clock: Clock, signal: AbortSignal): Promise<Connection> {
  signal.throwIfAborted();
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    password: target.password.reveal(),
    ssl: tlsOptions(target.tls),
    application_name: target.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // Without a listener a connection that breaks between two queries would end the process; the next query reports it.
  client.on('error', () => undefined);
  let isAuthenticated = false;
  onceAuthenticated(client, () => {
    isAuthenticated = true;
  });
  const destroy = (): void => destroyClient(client);
  signal.addEventListener('abort', destroy, { once: true });
  try {
    await client.connect();
  } catch (error) {
    destroy();
    signal.throwIfAborted();
    const failure = classify(error, 'connect');
    throw isAuthenticated && checkedAfterPassword.has(failure.code) ? new RefusedAfterPassword(failure.kind, failure.code) : failure;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
  return new ClientConnection(client, clock);
}

/**
 * Whether something between us and the server lends out its connections (PgBouncer, Supavisor): it answers a login with a
 * process id of its own. Locks and settings of a session mean nothing there.
 */
export async function isPooled(connection: Connection, signal: AbortSignal): Promise<boolean> {
  const [row] = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid', [], signal);
  return row?.pid !== connection.backendPid;
}

class ClientConnection implements Connection {
  readonly #client: pg.Client;
  readonly #clock: Clock;

  constructor(client: pg.Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  get backendPid(): number | null {
    return (this.#client as unknown as { readonly processID: number | null }).processID;
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]> {
    const single: pg.QueryConfig & { readonly queryMode: 'extended' } = { text: sql, values: [...values], queryMode: 'extended' };
    const sent = this.#client.query<Row>(single).then((result) => result.rows);
    return this.#answerOf(sent, signal);
  }

  async script(sql: string, signal: AbortSignal): Promise<void> {
    await this.#answerOf(this.#client.query(sql), signal);
  }

  async #answerOf<Answer>(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    const answered = new AbortController();
    const sent = work.catch((error: unknown) => {
      throw classify(error, 'session');
    });
    const late = this.#clock.sleep(queryDeadlineMs, AbortSignal.any([signal, answered.signal])).then(() => {
      throw new EngineFailure('session-lost', 'query-deadline');
    });
    try {
      return await Promise.race([sent, late]);
    } catch (error) {
      if (error instanceof EngineFailure && error.kind !== 'session-lost') throw error;
      // Aborted, late or broken: whether the statement was executed is unknown, so this connection is never used again.
      destroyClient(this.#client);
      if (signal.aborted) throw signal.reason;
      throw error;
    } finally {
      answered.abort();
      sent.catch(() => undefined);
      late.catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    const ended = new AbortController();
    const end = this.#client.end().catch(() => undefined);
    const late = this.#clock.sleep(closeDeadlineMs, ended.signal).catch(() => undefined);
    await Promise.race([end, late]);
    ended.abort();
    destroyClient(this.#client);
  }
}

/** When AuthenticationOk comes. pg types do not show the connection, whose events are those of the protocol. */
function onceAuthenticated(client: pg.Client, act: () => void): void {
  const { connection } = client as unknown as { readonly connection: { once(event: 'authenticationOk', act: () => void): void } };
  connection.once('authenticationOk', act);
}

/** Closes the socket at once. pg types do not show the stream, which its own documentation names. */
function destroyClient(client: pg.Client): void {
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}
