/**
 * Names who keeps the roles of the server locked. From PostgreSQL 16 on any login may do that: an ALTER ROLE without
 * options asks for no privilege, and its transaction keeps the row of the role until it ends.
 */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { Connection } from './connect.ts';

/** SQLSTATE of a lock_timeout that has passed. */
export const lockNotAvailable = '55P03';

/** A name that its owner chose, as far as it goes into the facts of an error. */
const shownName = (column: string): string => `left(regexp_replace(${column}, '[^[:print:]]', '?', 'g'), 63)`;

/**
 * The oldest transaction that has changed a role and is still open, as a failure that will pass; null where there is none
 * any more. A change keeps its lock on pg_authid until its transaction ends, so no second session has to watch the wait.
 */
export async function whoHoldsRoles(connection: Connection, owner: string, signal: AbortSignal): Promise<EngineFailure | null> {
  const [holder] = await connection.query<{ pid: number; blocker: string; application: string }>(
    `SELECT l.pid, ${shownName("coalesce(a.usename::text, '?')")} AS blocker,
            ${shownName("coalesce(nullif(a.application_name, ''), 'unnamed program')")} AS application
       FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'relation' AND l.relation = 'pg_catalog.pg_authid'::regclass AND l.granted
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') AND l.pid <> pg_backend_pid()
      ORDER BY a.xact_start NULLS LAST, l.pid LIMIT 1`,
    [],
    signal,
  );
  return holder === undefined ? null : new EngineFailure('transient', 'role-locked', { details: { role: owner, ...holder } });
}
