/**
 * Reads the lines of pg_hba.conf that may concern the logins of one secret. The server itself says which login a line is
 * for (names, `all`, `+role`, regular expressions), so that nothing of its matching is done again here.
 */
import { type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import type { Connection } from './connect.ts';

export interface HbaRule {
  readonly file: string;
  readonly line: number;
  /** `local`, `host`, `hostssl`, `hostnossl`, `hostgssenc`, `hostnogssenc`. */
  readonly type: string;
  /** Null for `local`; else `all`, `samehost`, `samenet`, an address or a host name. */
  readonly address: string | null;
  /** Null where the address is no number. */
  readonly netmask: string | null;
  readonly method: string;
  readonly options: readonly string[];
  /** Those of the owner and its slots for whom the line is, in this database. Also slots that do not exist yet. */
  readonly logins: readonly string[];
}

/**
 * The lines in their order; null where this administrator may not read them, or where one of them cannot be parsed: then
 * the server goes on with what it loaded before, which nobody is shown. Throws EngineFailure.
 */
export async function readHbaRules(
  connection: Connection,
  config: Pick<PostgresqlEngineConfig, 'owner'>,
  signal: AbortSignal,
): Promise<readonly HbaRule[] | null> {
  const [rights] = await connection.query<{ version: number; readable: boolean; named: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version,
            (has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')
              AND has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')) AS readable,
            pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS named`,
    [],
    signal,
  );
  if (rights?.readable !== true) return null;
  const { owner } = config;
  const names = [owner, roleOfSlot(owner, 'a'), roleOfSlot(owner, 'b')];
  const rows = await connection.query<HbaRule & { readonly isBroken: boolean }>(rulesSql(rights.version, rights.named), names, signal);
  return rows.some((row) => row.isBroken) ? null : rows;
}

/**
 * $1 is the owner, $2 and $3 its slots, which are members of the owner and so of all that it is a member of, as
 * `+role` and `samerole` count it (superuser or not). A line with a complaint and a method is one that can never match
 * (`hostssl` without TLS). The view does not tell a quoted name from a keyword; nor then does this.
 */
function rulesSql(version: number, mayNameFile: boolean): string {
  const knowsPatterns = version >= 160_000;
  const file = knowsPatterns ? 'h.file_name' : mayNameFile ? "current_setting('hba_file')" : "'pg_hba.conf'";
  const isLike = (token: string): string =>
    knowsPatterns
      ? `CASE WHEN left(${token}, 1) = '/' THEN who.name COLLATE "C" ~ substr(${token}, 2) ELSE ${token} = who.name END`
      : `${token} = who.name`;
  const isDatabase = knowsPatterns
    ? `CASE WHEN left(d, 1) = '/' THEN current_database() COLLATE "C" ~ substr(d, 2) ELSE d = current_database() END`
    : 'd = current_database()';
  const isMember = (role: string): string =>
    `(who.name = ${role} OR EXISTS (SELECT FROM member m WHERE m.login = who.name AND m.role = ${role}))`;
  return `
    WITH RECURSIVE reached(login, oid) AS (
      SELECT l.login, r.oid FROM (VALUES ($1::text, $1::text), ($2, $2), ($2, $1), ($3, $3), ($3, $1)) AS l(login, name)
        JOIN pg_catalog.pg_roles r ON r.rolname = l.name
      UNION SELECT reached.login, g.roleid FROM reached JOIN pg_catalog.pg_auth_members g ON g.member = reached.oid
    ), member AS (SELECT login, rolname::text AS role FROM reached JOIN pg_catalog.pg_roles r ON r.oid = reached.oid)
    SELECT ${file} AS file, h.line_number AS line, h.type, h.address, h.netmask, h.auth_method AS method,
           coalesce(h.options, '{}') AS options, (h.error IS NOT NULL) AS "isBroken",
           ARRAY(SELECT who.name FROM unnest(ARRAY[$1::text, $2, $3]) AS who(name)
                  WHERE EXISTS (SELECT FROM unnest(h.user_name) AS u
                                 WHERE u = 'all' OR ${isLike('u')} OR (left(u, 1) = '+' AND ${isMember('substr(u, 2)')}))
                    AND EXISTS (SELECT FROM unnest(h.database) AS d
                                 WHERE d = 'all' OR (d = 'sameuser' AND who.name = current_database())
                                    OR (d IN ('samerole', 'samegroup') AND ${isMember('current_database()')}) OR ${isDatabase})) AS logins
      FROM pg_catalog.pg_hba_file_rules h
     WHERE h.error IS NULL OR h.auth_method IS NULL
     ORDER BY ${knowsPatterns ? 'h.rule_number' : 'h.line_number'}`;
}
