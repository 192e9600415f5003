/** Reads from the catalogue what inspection, plan and adoption judge; it judges nothing itself. */
import { type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import { type Connection, isPooled } from './connect.ts';
import { type HbaLines, readHbaLines } from './hba-rules.ts';
import { type Marker, readMarker } from './marker.ts';

export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  readonly isPooled: boolean;
  /** For logins without a privilege to use the reserved ones. */
  readonly maxConnections: number;
  readonly connectionsInUse: number;
  readonly isSuperuser: boolean;
  readonly mayCreateRoles: boolean;
  /** Sees whose sessions they are and from where (pg_read_all_stats). */
  readonly readsAllStatistics: boolean;
  readonly readsVerifiers: boolean;
  readonly logsStatements: boolean;
  /** The administrator may read which server this is (pg_control_system). */
  readonly isIdentified: boolean;
  /** password_encryption is md5, so passwords set by others are stored in that form. */
  readonly storesMd5: boolean;
  /** Of the database; -1 for none. */
  readonly databaseLimit: number;
  readonly databaseSessions: number;
}

export interface RoleFacts {
  readonly name: string;
  readonly mayLogIn: boolean;
  readonly isSuperuser: boolean;
  readonly mayReplicate: boolean;
  readonly connectionLimit: number;
  readonly hasExpiry: boolean;
  readonly comment: string | null;
  readonly marker: Marker | null;
  /** The administrator may alter it: superuser, ADMIN OPTION (16 and later), CREATEROLE (before). */
  readonly mayBeAltered: boolean;
  /** Form of the stored verifier where it may be read. */
  readonly verifierKind: 'scram' | 'md5' | 'none' | 'hidden';
  readonly sessions: number;
}

export interface RoleSetting {
  /** Null: in every database. */
  readonly database: string | null;
  readonly name: string;
  readonly value: string;
  /** Only a superuser may set it for a role. */
  readonly needsSuperuser: boolean;
}

export interface DatabaseFacts {
  readonly server: ServerFacts;
  /** The owner and those of its slots that exist. */
  readonly roles: readonly RoleFacts[];
  readonly settings: readonly RoleSetting[];
  readonly hba: HbaLines;
  /** Row-level security policies that ask for session_user, which a slot changes. */
  readonly policiesOnSessionUser: number;
}

/** Reads over the administrator's connection. Throws EngineFailure. */
export async function readFacts(connection: Connection, config: PostgresqlEngineConfig, signal: AbortSignal): Promise<DatabaseFacts> {
  const server = await readServer(connection, signal);
  const roles = await readRoles(connection, config, server, signal);
  const settings = await readSettings(connection, config, signal);
  const hba = await readHbaLines(connection, config, signal);
  const [policies] = await connection.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_catalog.pg_policy
      WHERE pg_get_expr(polqual, polrelid) ~* 'session_user' OR pg_get_expr(polwithcheck, polrelid) ~* 'session_user'`,
    [],
    signal,
  );
  return { server, roles, settings, hba, policiesOnSessionUser: policies?.count ?? 0 };
}

async function readServer(connection: Connection, signal: AbortSignal): Promise<ServerFacts> {
  const [row] = await connection.query<Omit<ServerFacts, 'isPooled'> & Record<string, unknown>>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
            current_setting('server_version_num')::int AS "versionNumber",
            pg_is_in_recovery() AS "inRecovery",
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
              - coalesce(current_setting('reserved_connections', true)::int, 0) AS "maxConnections",
            (SELECT count(*)::int FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL) AS "connectionsInUse",
            rolsuper AS "isSuperuser",
            (rolcreaterole OR rolsuper) AS "mayCreateRoles",
            pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "readsAllStatistics",
            has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS "readsVerifiers",
            current_setting('log_statement') IN ('ddl', 'mod', 'all') AS "logsStatements",
            has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS "isIdentified",
            current_setting('password_encryption') = 'md5' AS "storesMd5",
            (SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()) AS "databaseLimit",
            (SELECT count(*)::int FROM pg_catalog.pg_stat_activity
              WHERE datname = current_database() AND (backend_type = 'client backend' OR backend_type IS NULL)) AS "databaseSessions"
       FROM pg_catalog.pg_roles WHERE rolname = current_user`,
    [],
    signal,
  );
  if (row === undefined) throw new Error('the role that is logged in is not in pg_roles');
  return { ...row, isPooled: await isPooled(connection, signal) };
}

type RoleRow = Omit<RoleFacts, 'marker'> & Record<string, unknown>;

async function readRoles(
  connection: Connection,
  config: PostgresqlEngineConfig,
  server: ServerFacts,
  signal: AbortSignal,
): Promise<RoleFacts[]> {
  const names = (['owner', 'a', 'b'] as const).map((slot) => roleOfSlot(config.owner, slot));
  const mayBeAltered =
    server.versionNumber >= 160_000
      ? `(me.rolsuper OR (me.rolcreaterole AND NOT r.rolsuper AND pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION')))`
      : '(me.rolsuper OR (me.rolcreaterole AND NOT r.rolsuper AND NOT r.rolreplication))';
  const verifierKind = server.readsVerifiers
    ? `(SELECT CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram' ELSE 'md5' END
          FROM pg_catalog.pg_authid a WHERE a.oid = r.oid)`
    : `'hidden'`;
  const rows = await connection.query<RoleRow>(
    `SELECT r.rolname AS name, r.rolcanlogin AS "mayLogIn", r.rolsuper AS "isSuperuser", r.rolreplication AS "mayReplicate",
            r.rolconnlimit AS "connectionLimit", coalesce(r.rolvaliduntil <> 'infinity', false) AS "hasExpiry",
            shobj_description(r.oid, 'pg_authid') AS comment, ${mayBeAltered} AS "mayBeAltered", ${verifierKind} AS "verifierKind",
            (SELECT count(*)::int FROM pg_catalog.pg_stat_activity s WHERE s.usename = r.rolname) AS sessions
       FROM pg_catalog.pg_roles r, pg_catalog.pg_roles me
      WHERE me.rolname = current_user AND r.rolname = ANY($1::text[])`,
    [names],
    signal,
  );
  return rows.map((row) => ({ ...row, marker: readMarker(row.comment) }));
}

/** The view pg_settings is left alone: anybody may update it, and so lock everybody out of it. */
async function readSettings(connection: Connection, config: PostgresqlEngineConfig, signal: AbortSignal): Promise<readonly RoleSetting[]> {
  return connection.query<RoleSetting & Record<string, unknown>>(
    `SELECT d.datname AS database, split_part(entry, '=', 1) AS name, substr(entry, strpos(entry, '=') + 1) AS value,
            coalesce((SELECT context IN ('superuser', 'superuser-backend') FROM pg_catalog.pg_show_all_settings() WHERE name = split_part(entry, '=', 1)), false)
              AS "needsSuperuser"
       FROM pg_catalog.pg_db_role_setting s
       JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = $1
       LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
      CROSS JOIN LATERAL unnest(s.setconfig) AS entry
      ORDER BY d.datname NULLS FIRST, name`,
    [config.owner],
    signal,
  );
}
