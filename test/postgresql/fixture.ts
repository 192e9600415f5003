/** A real server with an administrator's connection, and login roles made to measure for one test each. */
import type { Candidate } from '@sikkerkey/core/rotation/ports.ts';
import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { type EngineDependencies, type PostgresqlEngineConfig, roleOfSlot } from '@sikkerkey/engines/postgresql/config.ts';
import { quoteIdentifier } from '@sikkerkey/engines/postgresql/quote.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { type LocalPostgresql, type LocalPostgresqlOptions, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';

export const dependencies: EngineDependencies = { clock: systemClock, random: systemRandom };
/** Long enough for a loaded machine; a test that needs it fails by its own timeout first. */
export const patience = (): AbortSignal => AbortSignal.timeout(30_000);

export interface App {
  readonly owner: string;
  readonly password: string;
  readonly config: PostgresqlEngineConfig;
  /** A version's credential in one of the slots. */
  candidate(version: number, slot: Slot, password?: string): Candidate;
}

export interface Fixture {
  readonly server: LocalPostgresql;
  /** One statement as the superuser. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** A login role with a schema of its own, and the configuration of an engine that manages it. */
  makeApp(overrides?: Partial<PostgresqlEngineConfig> & { readonly password?: string }): Promise<App>;
  /** Logs in once; returns null or the SQLSTATE of the refusal. */
  tryLogin(username: string, password: string): Promise<string | null>;
  /** An open session that the caller ends. */
  session(username: string, password: string, applicationName?: string): Promise<pg.Client>;
  stop(): Promise<void>;
}

export async function startFixture(options: LocalPostgresqlOptions): Promise<Fixture> {
  const server = await startPostgresql(options);
  const pool = new pg.Pool({ ...where(server), user: server.superuser, password: server.password.reveal(), max: 4 });
  pool.on('error', () => undefined);
  let count = 0;
  const session = async (user: string, password: string, applicationName = 'test'): Promise<pg.Client> => {
    const client = new pg.Client({ ...where(server), user, password, application_name: applicationName });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  return {
    server,
    session,
    sql: async (text, values = []) => (await pool.query(text, [...values])).rows as Record<string, unknown>[],
    makeApp: async ({ password = 'first-password-of-20', ...overrides } = {}) => {
      count += 1;
      const owner = overrides.owner ?? `app${count}`;
      await pool.query(`CREATE ROLE ${quoteIdentifier(owner)} LOGIN PASSWORD ${pg.escapeLiteral(password)}`);
      await pool.query(`CREATE SCHEMA ${quoteIdentifier(`s${count}`)} AUTHORIZATION ${quoteIdentifier(owner)}`);
      const config: PostgresqlEngineConfig = {
        secretId: `sec_${count}`,
        ...where(server),
        adminUser: server.superuser,
        adminPassword: server.password,
        tls: { mode: 'disable' },
        owner,
        strategy: 'flip',
        ...overrides,
      };
      const candidate = (version: number, slot: Slot, ofVersion = passwordOf(version)): Candidate => {
        const secret = new SecretText(slot === 'owner' && version === 1 ? password : ofVersion);
        return { version, slot, credential: { username: roleOfSlot(owner, slot), password: secret } };
      };
      return { owner, password, config, candidate };
    },
    tryLogin: async (user, password) => {
      try {
        await (await session(user, password)).end();
        return null;
      } catch (error) {
        return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      }
    },
    stop: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

export const passwordOf = (version: number): string => `password-of-version-${version}`;

function where(server: LocalPostgresql): { host: string; port: number; database: string } {
  return { host: server.host, port: server.port, database: server.database };
}
