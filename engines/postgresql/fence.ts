/**
 * The fenced session of rotation-protocol.md rule 1: ends every older session of ours, and sends every change as one
 * READ COMMITTED transaction that takes the owner's row and refuses itself where a newer epoch acted. It takes no advisory
 * lock: any login of the database could hold that one for ever.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '@sikkerkey/core/clock.ts';
import { differentServer, EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { PostgresqlEngineConfig } from './config.ts';
import { type Connection, connect, isPooled, type Target } from './connect.ts';
import { ownStates } from './errors.ts';
import { lockNotAvailable, whoHoldsRoles } from './lock-holder.ts';
import { type Marker, markerCheck, readMarker } from './marker.ts';
import { doBlock } from './quote.ts';

export interface FencedConnection extends Connection {
  /** Identity of the cluster: a server with another one is never touched. Null where it cannot be told. */
  readonly serverFingerprint: string | null;
  /** Runs PL/pgSQL statements atomically behind the check of the epoch. Throws EngineFailure (`newer-epoch`). */
  change(statements: string, signal: AbortSignal): Promise<void>;
}

/** How long an older session of ours may take to disappear after it was terminated (measured: about 30 ms). */
const goneTimeoutMs = 5_000;
const goneLookMs = 10;

/**
 * Settings that an administrator's role may have otherwise: names resolve in the catalogue only, literals are standard,
 * what was acknowledged is on disk, and the server itself ends what waits or hangs.
 */
const sessionSettings = `
  SET search_path = pg_catalog;
  SET standard_conforming_strings = on;
  SET client_min_messages = error;
  SET default_transaction_isolation = 'read committed';
  SET default_transaction_read_only = off;
  SET synchronous_commit = on;
  SET lock_timeout = '5s';
  SET statement_timeout = '10s';
  SET idle_in_transaction_session_timeout = '30s';
  SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
  SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 140000`;

/** application_name keeps 63 bytes: a longer id is named by its digest. */
export function fenceApplicationName(secretId: string): string {
  const whole = `sikkerkey/${secretId}`;
  return whole.length <= 63 ? whole : `sikkerkey/${createHash('sha256').update(secretId).digest('hex').slice(0, 40)}`;
}

export function adminTarget(config: PostgresqlEngineConfig, applicationName: string): Target {
  const { host, port, database, adminUser, adminPassword, tls } = config;
  return { host, port, database, user: adminUser, password: adminPassword, tls, applicationName };
}

/**
 * Opens the session and writes the epoch: a change of an older one that is still in flight is waited for,
 * even from another database or administrator, and every later one refuses itself. Nothing is written, and no session
 * ended, at another server than the expected one (null expects none), as far as that can be told. Throws EngineFailure.
 */
export async function openFenced(
  config: PostgresqlEngineConfig,
  marker: Marker,
  clock: Clock,
  signal: AbortSignal,
  expectedServer: string | null,
): Promise<FencedConnection> {
  const connection = await connect(adminTarget(config, fenceApplicationName(marker.secretId)), clock, signal);
  try {
    await connection.script(sessionSettings, signal);
    if (await isPooled(connection, signal)) throw new EngineFailure('needs-person', 'connected-through-pooler');
    const serverFingerprint = await readFingerprint(connection, signal);
    if (isOtherServer(expectedServer, serverFingerprint)) throw new EngineFailure('needs-person', differentServer);
    await refuseOlderEpoch(connection, config.owner, marker, signal);
    await endOlderSessions(connection, clock, signal);
    const change = (statements: string, changeSignal: AbortSignal): Promise<void> =>
      runChange(connection, config.owner, `${sameBackend(connection)}${markerCheck(config.owner, marker)}`, statements, changeSignal);
    await change('', signal);
    return {
      serverFingerprint,
      change,
      backendPid: connection.backendPid,
      query: (sql, values, querySignal) => connection.query(sql, values, querySignal),
      script: (sql, scriptSignal) => connection.script(sql, scriptSignal),
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * An agent that woke up late would otherwise break the session of the one that took over; the mark decides, this spares. It
 * also names the other secret, which the check in the transaction cannot.
 */
async function refuseOlderEpoch(connection: Connection, owner: string, marker: Marker, signal: AbortSignal): Promise<void> {
  const sql = `SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = $1`;
  const [row] = await connection.query<{ comment: string | null }>(sql, [owner], signal);
  const found = readMarker(row?.comment ?? null);
  if (found !== null && found.secretId !== marker.secretId)
    throw new EngineFailure('needs-person', 'managed-by-another-secret', { details: { otherSecretId: found.secretId } });
  if (found !== null && found.epoch > marker.epoch) throw new EngineFailure('newer-epoch', 'newer-epoch');
}

async function endOlderSessions(connection: Connection, clock: Clock, signal: AbortSignal): Promise<void> {
  const older = `FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = session_user
    AND application_name = current_setting('application_name')`;
  const ended = await connection.query(`SELECT pg_terminate_backend(pid) ${older}`, [], signal);
  if (ended.length === 0) return;
  const deadline = clock.monotonic() + goneTimeoutMs;
  for (;;) {
    const [row] = await connection.query<{ count: number }>(`SELECT count(*)::int AS count ${older}`, [], signal);
    if (row?.count === 0) return;
    if (clock.monotonic() > deadline) throw new EngineFailure('transient', 'older-session-remains');
    await clock.sleep(goneLookMs, signal);
  }
}

/**
 * The system identifier, unique per cluster; null where a hardened server or a managed service hides it. Nothing that
 * everybody may read stands for it: object ids are the same on every server that was set up in the same way.
 */
export async function readFingerprint(connection: Connection, signal: AbortSignal): Promise<string | null> {
  const allowed = `has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS allowed`;
  const [row] = await connection.query<{ allowed: boolean }>(`SELECT ${allowed}`, [], signal);
  if (row?.allowed !== true) return null;
  const identity = 'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()';
  const [control] = await connection.query<{ id: string }>(identity, [], signal);
  return `postgresql:${control?.id ?? ''}`;
}

function isOtherServer(expected: string | null, answering: string | null): boolean {
  return expected !== null && answering !== null && expected !== answering;
}

/** A pooler that told its own server's process id at login may still give the next statement another session. */
function sameBackend({ backendPid }: Connection): string {
  return `
  IF pg_backend_pid() IS DISTINCT FROM ${backendPid ?? 'NULL'} THEN
    RAISE EXCEPTION USING ERRCODE = '${ownStates.otherBackend}', MESSAGE = 'another session of the server';
  END IF;`;
}

/**
 * One message, so that there is no moment in which half of it was sent; the isolation is stated, since under
 * REPEATABLE READ an old epoch would see the old mark and pass.
 */
async function runChange(connection: Connection, owner: string, check: string, statements: string, signal: AbortSignal): Promise<void> {
  const body = `DECLARE owner_oid oid; note text; mark text[]; database_name text;\nBEGIN${check}\n${statements}\nEND`;
  const message = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n${doBlock(body)};\nCOMMIT`;
  try {
    await connection.script(message, signal);
  } catch (error) {
    if (!(error instanceof EngineFailure) || error.kind === 'session-lost') throw error;
    await connection.query('ROLLBACK', [], signal);
    throw error.code === lockNotAvailable ? ((await whoHoldsRoles(connection, owner, signal)) ?? error) : error;
  }
}
