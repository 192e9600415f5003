/**
 * Reads the lines of pg_hba.conf that may concern the logins of one secret. The server itself says which login and which
 * database a line is for (names, `all`, `+role`, regular expressions), so that nothing of its matching is done again here.
 */
import { type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import type { Connection } from './connect.ts';
import { probeApplicationName } from './probe.ts';

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
  /** As they stand, but for the passwords among them. */
  readonly options: readonly string[];
  /** As they stand in the line. */
  readonly databases: readonly string[];
  /** Those of the owner and its slots for whom the line is, in the database. Also slots that do not exist yet. */
  readonly logins: readonly string[];
}

/** The lines for the logins in one database, in their order; it stands for all that the lines treat alike. */
export interface HbaOfDatabase {
  readonly database: string;
  /** All that it stands for, itself among them. */
  readonly alike: readonly string[];
  /** The owner has something there (rights, objects, settings, sessions), or the agent works there; else it only may connect. */
  readonly isUsed: boolean;
  readonly rules: readonly HbaRule[];
}

/** Where somebody is logged in from over the network, as one of the logins, but for this product's own trials. */
export interface HbaClient {
  readonly address: string;
  readonly channel: 'plain' | 'tls' | 'gss';
}

export type HbaLines =
  /** This administrator may not read them. */
  | { readonly kind: 'hidden' }
  /**
   * This line cannot be parsed: the server goes on with what it loaded before, which nobody is shown. `loadedAt`: when it
   * last loaded its configuration, in seconds since 1970.
   */
  | { readonly kind: 'broken'; readonly file: string; readonly line: number; readonly loadedAt: string }
  /** By database, that of the agent first: a login is let into every one that its role may CONNECT to. */
  | { readonly kind: 'read'; readonly databases: readonly HbaOfDatabase[]; readonly clients: readonly HbaClient[] };

interface HbaRow extends HbaRule {
  readonly database: string;
  readonly alike: readonly string[];
  readonly isUsed: boolean;
  readonly isBroken: boolean;
}

/** Throws EngineFailure. */
export async function readHbaLines(
  connection: Connection,
  config: Pick<PostgresqlEngineConfig, 'owner'>,
  signal: AbortSignal,
): Promise<HbaLines> {
  const [rights] = await connection.query<{ version: number; readable: boolean; named: boolean; loadedAt: string }>(
    `SELECT current_setting('server_version_num')::int AS version,
            (has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')
              AND has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')) AS readable,
            pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS named,
            extract(epoch FROM pg_conf_load_time())::text AS "loadedAt"`,
    [],
    signal,
  );
  if (rights?.readable !== true) return { kind: 'hidden' };
  const { owner } = config;
  const names = [owner, roleOfSlot(owner, 'a'), roleOfSlot(owner, 'b')];
  const rows = await connection.query<HbaRow>(rulesSql(rights.version, rights.named), names, signal);
  const broken = rows.find((row) => row.isBroken);
  if (broken !== undefined) return { kind: 'broken', file: broken.file, line: broken.line, loadedAt: rights.loadedAt };
  const databases = new Map<string, HbaOfDatabase & { readonly rules: HbaRule[] }>();
  for (const { database, alike, isUsed, isBroken: _, ...rule } of rows) {
    const known = databases.get(database) ?? { database, alike, isUsed, rules: [] };
    known.rules.push(rule);
    databases.set(database, known);
  }
  const clients = await connection.query<HbaClient & Record<string, unknown>>(clientsSql, [names, probeApplicationName], signal);
  return { kind: 'read', databases: [...databases.values()], clients };
}

/** Addresses that this administrator is not shown are missing here. */
const clientsSql = `
    SELECT DISTINCT host(a.client_addr) AS address, CASE WHEN s.ssl THEN 'tls' WHEN g.encrypted THEN 'gss' ELSE 'plain' END AS channel
      FROM pg_catalog.pg_stat_activity a
      LEFT JOIN pg_catalog.pg_stat_ssl s USING (pid) LEFT JOIN pg_catalog.pg_stat_gssapi g USING (pid)
     WHERE a.usename = ANY($1::text[]) AND a.client_addr IS NOT NULL AND a.application_name <> $2`;

/**
 * $1 is the owner, $2 and $3 its slots, which are members of the owner and so of all that it is a member of, as
 * `+role` and `samerole` count it (superuser or not). A line with a complaint and a method is one that can never match
 * (`hostssl` without TLS). The view does not tell a quoted name from a keyword; nor then does this.
 */
function rulesSql(version: number, mayNameFile: boolean): string {
  const knowsPatterns = version >= 160_000;
  const file = knowsPatterns ? 'h.file_name' : mayNameFile ? "current_setting('hba_file')" : "'pg_hba.conf'";
  const isLike = (token: string, name: string): string =>
    knowsPatterns
      ? `CASE WHEN left(${token}, 1) = '/' THEN ${name} COLLATE "C" ~ substr(${token}, 2) ELSE ${token} = ${name} END`
      : `${token} = ${name}`;
  const isMember = (login: string, role: string): string =>
    `(${login} = ${role} OR EXISTS (SELECT FROM member m WHERE m.login = ${login} AND m.role = ${role}))`;
  return `
    WITH RECURSIVE reached(login, oid) AS (
      SELECT l.login, r.oid FROM (VALUES ($1::text, $1::text), ($2, $2), ($2, $1), ($3, $3), ($3, $1)) AS l(login, name)
        JOIN pg_catalog.pg_roles r ON r.rolname = l.name
      UNION SELECT reached.login, g.roleid FROM reached JOIN pg_catalog.pg_auth_members g ON g.member = reached.oid
    ), member AS MATERIALIZED (
      SELECT login, rolname::text AS role FROM reached JOIN pg_catalog.pg_roles r ON r.oid = reached.oid
    ), rule AS MATERIALIZED (
      SELECT row_number() OVER (ORDER BY ${knowsPatterns ? 'h.rule_number, h.line_number' : 'h.line_number'}) AS number,
             ${file} AS file, h.line_number AS line, h.type, h.address, h.netmask, h.auth_method AS method,
             ARRAY(SELECT regexp_replace(o, '^(ldapbindpasswd|radiussecrets)=.*$', '\\1=...') FROM unnest(h.options) AS o) AS options, (h.error IS NOT NULL) AS "isBroken", h.database AS databases, 'all' = ANY(h.database) AS "isForAll",
             ARRAY(SELECT who.name FROM unnest(ARRAY[$1::text, $2, $3]) AS who(name)
                    WHERE EXISTS (SELECT FROM unnest(h.user_name) AS u
                                   WHERE u = 'all' OR ${isLike('u', 'who.name')}
                                      OR (left(u, 1) = '+' AND ${isMember('who.name', 'substr(u, 2)')}))) AS users
        FROM pg_catalog.pg_hba_file_rules h
       WHERE h.error IS NULL OR h.auth_method IS NULL
    ), place AS MATERIALIZED (${placesSql})
    , token AS MATERIALIZED (
      SELECT rule.number, d.token, who.login FROM rule, unnest(rule.databases) AS d(token), unnest(rule.users) AS who(login)
       WHERE NOT rule."isForAll"
    ), hit AS MATERIALIZED (
      SELECT database, number, array_agg(DISTINCT login) AS logins FROM (
        SELECT place.name AS database, number, login FROM token JOIN place ON place.name = token
        UNION ALL SELECT place.name, number, login FROM token JOIN place ON place.name = login WHERE token = 'sameuser'
        UNION ALL SELECT place.name, number, login FROM token JOIN place ON ${isMember('login', 'place.name')}
                   WHERE token IN ('samerole', 'samegroup')
        ${knowsPatterns ? patternsSql(isLike('token', 'place.name')) : ''}) AS one GROUP BY database, number
    ), standing AS (
      SELECT DISTINCT ON ("isUsed", how) name, "isUsed", array_agg(name) OVER (PARTITION BY "isUsed", how) AS alike
        FROM (SELECT place.name, "isUsed", array_agg(number || logins::text ORDER BY number) AS how
                FROM place LEFT JOIN hit ON hit.database = place.name GROUP BY place.name, "isUsed") AS treated
       ORDER BY "isUsed", how, name <> current_database(), name
    ), met AS (
      SELECT standing.name, alike, "isUsed", number, users AS logins FROM standing CROSS JOIN rule WHERE "isForAll" AND users <> '{}' OR "isBroken"
      UNION ALL SELECT standing.name, alike, "isUsed", number, logins FROM standing JOIN hit ON hit.database = standing.name
    )
    SELECT met.name AS database, met.alike, met."isUsed", rule.file, rule.line, rule.type, rule.address, rule.netmask, rule.method,
           rule.options, rule.databases, rule."isBroken", met.logins
      FROM met JOIN rule ON rule.number = met.number
     ORDER BY met.name <> current_database(), met.name, rule.number`;
}

function patternsSql(isLike: string): string {
  return `UNION ALL SELECT place.name, number, login FROM (SELECT * FROM token WHERE left(token, 1) = '/') AS p JOIN place ON ${isLike}`;
}

/**
 * Where the owner may log in, and where it seems to. PUBLIC may connect to nearly every database, so that says little; what
 * was granted to it or its groups, made by it, set for it or opened by it says that it is meant to.
 */
const placesSql = `
      SELECT d.datname::text AS name, (d.datname = current_database()
               OR EXISTS (SELECT FROM pg_catalog.pg_shdepend s
                           WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid IN (SELECT oid FROM reached)
                             AND (s.dbid = d.oid
                               OR (s.dbid = 0 AND s.classid = 'pg_catalog.pg_database'::regclass AND s.objid = d.oid)))
               OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s WHERE s.setdatabase = d.oid AND s.setrole IN (SELECT oid FROM reached))
               OR EXISTS (SELECT FROM pg_catalog.pg_stat_activity s WHERE s.datid = d.oid AND s.usename IN ($1, $2, $3))) AS "isUsed"
        FROM pg_catalog.pg_database d
       WHERE d.datname = current_database()
          OR (d.datallowconn AND has_database_privilege((SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1), d.oid, 'CONNECT'))`;
