import { readFile, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

interface Case {
  readonly name: string;
  /** `app` is the login's name; the administrator has a line of its own before them. */
  readonly lines: readonly string[];
  /** Lines (1 is the first of these) that treat a slot otherwise; every one of the slots. */
  readonly differing: readonly number[];
  readonly since?: 16;
}

const rest = 'host all all 0.0.0.0/0 scram-sha-256';
const cases: readonly Case[] = [
  { name: 'names the login', lines: ['host all app 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.2/32 reject', rest], differing: [1] },
  { name: 'names the login in quotes', lines: ['host all "app" 127.0.0.2/32 scram-sha-256'], differing: [1] },
  { name: 'names the login, and another line asks its slots for the same', lines: ['host all app 127.0.0.2/32 md5', rest], differing: [] },
  { name: 'asks the login for its password in clear', lines: ['host all app 127.0.0.2/32 password', rest], differing: [1] },
  { name: 'names the slots as well', lines: ['host all app,app_a,app_b 127.0.0.2/32 scram-sha-256'], differing: [] },
  { name: 'names a group that the login is in', lines: ['host all +readers 127.0.0.2/32 scram-sha-256'], differing: [] },
  { name: 'names the members of the login', lines: ['host all +app 127.0.0.2/32 scram-sha-256'], differing: [] },
  { name: 'rejects the slots', lines: ['host all app_a,app_b 127.0.0.2/32 reject', rest], differing: [1] },
  { name: 'rejects the login only', lines: ['host all app 127.0.0.2/32 reject', rest], differing: [1] },
  {
    name: 'rejects everybody where it would name the login',
    lines: ['host all all 127.0.0.2/31 reject', 'host all app 127.0.0.2/32 md5', rest],
    differing: [],
  },
  { name: 'lets the login in without a password', lines: ['host all app 127.0.0.2/32 trust', rest], differing: [1] },
  { name: 'is for a database of the same name', lines: ['host sameuser all 127.0.0.2/32 scram-sha-256'], differing: [1] },
  { name: 'is for a database named as a role of the login', lines: ['host samerole all 127.0.0.2/32 scram-sha-256'], differing: [] },
  { name: 'names the login for another database', lines: ['host elsewhere app 127.0.0.2/32 trust', rest], differing: [] },
  { name: 'names the login on a socket', lines: ['local all app scram-sha-256', rest], differing: [1] },
  { name: 'names the login for TLS that is off', lines: ['hostssl all app 127.0.0.2/32 scram-sha-256', rest], differing: [] },
  {
    name: 'names the login for this host',
    lines: ['host all app samehost scram-sha-256', 'host all all samenet reject', rest],
    differing: [1],
  },
  { name: 'has a pattern for the login', lines: ['host all "/^app$" 127.0.0.2/32 scram-sha-256'], differing: [1], since: 16 },
  {
    name: 'has a pattern that fits the slots too',
    lines: ['host all "/^app(_[ab])?$" 127.0.0.2/32 scram-sha-256'],
    differing: [],
    since: 16,
  },
  { name: 'has a pattern for the database', lines: ['host "/^ap+$" app 127.0.0.2/32 scram-sha-256'], differing: [1], since: 16 },
];

describe.each(await availablePostgresqlVersions())('pg_hba.conf on PostgreSQL %i', (major) => {
  let db: Fixture;
  let app: App;
  let file: string;
  beforeAll(async () => {
    db = await startFixture({ major, settings: { listen_addresses: '127.0.0.1' } });
    file = String((await db.sql('SHOW hba_file'))[0]?.['hba_file']);
    app = await db.makeApp({ owner: 'app', database: 'app' });
    await db.sql('CREATE DATABASE app');
    await db.sql('CREATE ROLE readers');
    await db.sql('GRANT readers TO app');
    await prepareAdoption(app.config, 1, dependencies, patience());
    for (const slot of ['app_a', 'app_b']) await db.sql(`ALTER ROLE ${slot} PASSWORD '${app.password}'`);
  }, 60_000);
  afterAll(() => db.stop());

  const useLines = async (lines: readonly string[]): Promise<void> => {
    await writeFile(file, ['host all postgres 127.0.0.1/32 scram-sha-256', ...lines, ''].join('\n'));
    const [before] = await db.sql('SELECT pg_conf_load_time()::text AS at');
    await db.sql('SELECT pg_reload_conf()');
    await expect.poll(async () => (await db.sql('SELECT pg_conf_load_time()::text AS at'))[0]?.['at']).not.toBe(before?.['at']);
  };
  /** Null when it gets in; else the code of the refusal. */
  const loginFrom = async (localAddress: string, user: string): Promise<string | null> => {
    const stream = new Socket();
    const connect = stream.connect.bind(stream);
    Object.assign(stream, { connect: (port: number, host: string) => connect({ port, host, localAddress }) });
    const { host, port } = app.config;
    const client = new pg.Client({ host, port, database: 'app', user, password: app.password, stream: () => stream });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return null;
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    } finally {
      await client.end().catch(() => undefined);
    }
  };

  it.each(cases.filter(({ since = 0 }) => major >= since))(
    'blocks exactly where a line $name and its slots get something else',
    async (one) => {
      await useLines(one.lines);

      const { findings } = await inspect(app.config, 'adopt', dependencies, patience());

      const differing = findings.filter(({ code }) => code === 'hba-differs-for-slots');
      expect(differing.map(({ severity, details }) => [severity, details['slot'], details['line'], details['file']])).toEqual(
        one.differing.flatMap((line) => ['app_a', 'app_b'].map((slot) => ['blocks', slot, line + 1, file])),
      );
    },
  );

  it('lets no difference through that a login from another address really meets', async () => {
    await db.sql('ALTER ROLE app_a LOGIN');
    for (const one of cases.filter(({ since = 0 }) => major >= since)) {
      await useLines(one.lines);
      const met = await Promise.all(['app', 'app_a'].map((user) => loginFrom('127.0.0.2', user)));
      if (met[0] !== met[1]) expect(one.differing, one.name).not.toEqual([]);
    }
    await db.sql('ALTER ROLE app_a NOLOGIN');
  });

  it('opens no slot that the lines have begun to refuse since somebody looked, unless a person accepts it', async () => {
    await useLines([rest]);
    const engineWith = (acceptsHba: boolean) => createPostgresqlEngine({ ...app.config, acceptsHba }, dependencies);
    const enable = async (acceptsHba: boolean): Promise<void> => {
      const session = await engineWith(acceptsHba).openSession(app.config.secretId, 2, patience());
      try {
        await session.execute({ kind: 'enable', slot: 'b', version: 2 }, [app.candidate(2, 'b')], patience());
      } finally {
        await session.close();
      }
    };
    await useLines(['host all app,app_a 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.2/32 reject', rest]);

    await expect(enable(false)).rejects.toMatchObject({
      kind: 'needs-person',
      code: 'hba-differs-for-slots',
      details: { line: 2, role: 'app', slot: 'app_b', gives: 'scram-sha-256 (line 2)', meets: 'reject (line 3)' },
    });
    expect(await db.sql(`SELECT rolcanlogin AS open FROM pg_roles WHERE rolname = 'app_b'`)).toEqual([{ open: false }]);
    await enable(true);

    const client = new pg.Client({ ...app.config, user: 'app_b', password: passwordOf(2), ssl: false });
    await client.connect();
    await client.end();
    await db.sql('ALTER ROLE app_b NOLOGIN');
  });

  it('says that nothing is known of lines where one of them cannot be parsed', async () => {
    await writeFile(file, `${await readFile(file, 'utf8')}host all all 1.2.3.4/32 no-such-method\n`);

    const { findings } = await inspect(app.config, 'adopt', dependencies, patience());

    expect(findings).toContainEqual({ code: 'hba-hidden', severity: 'warns', details: {} });
    await useLines([rest]);
  });
});
