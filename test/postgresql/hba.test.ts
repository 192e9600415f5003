import { readFile, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import type { AcceptedHba } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hbaFileOf, loadHbaFile } from '../support/hba-file.ts';
import { type App, dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

interface Case {
  readonly name: string;
  /** `app` is the login's name; the administrator has a line of its own before them. */
  readonly lines: readonly string[];
  /** Lines (1 is the first of these) that treat a slot otherwise; every one of the slots. */
  readonly differing: readonly number[];
  /** Where they do; by default the agent's own, which is asked first. */
  readonly database?: string;
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
  { name: 'rejects the login in its database', lines: ['host app app 127.0.0.2/32 reject', rest], differing: [1] },
  {
    name: 'rejects everybody where it would name the login',
    lines: ['host all all 127.0.0.2/31 reject', 'host all app 127.0.0.2/32 md5', rest],
    differing: [],
  },
  { name: 'lets the login in without a password', lines: ['host all app 127.0.0.2/32 trust', rest], differing: [1] },
  { name: 'is for a database of the same name', lines: ['host sameuser all 127.0.0.2/32 scram-sha-256'], differing: [1] },
  { name: 'is for a database named as a role of the login', lines: ['host samerole all 127.0.0.2/32 scram-sha-256'], differing: [] },
  { name: 'names the login for another database', lines: ['host elsewhere app 127.0.0.2/32 trust', rest], differing: [] },
  {
    name: 'names the login for another database of the server',
    lines: ['host reporting app 127.0.0.2/32 scram-sha-256', 'host reporting all 127.0.0.2/32 reject', rest],
    differing: [1],
    database: 'reporting',
  },
  {
    name: 'names the login for a database that it may not connect to',
    lines: ['host closed app 127.0.0.2/32 scram-sha-256', 'host closed all 127.0.0.2/32 reject', rest],
    differing: [],
  },
  {
    name: 'rejects everybody in another database',
    lines: ['host reporting all 127.0.0.2/32 reject', 'host reporting app 127.0.0.2/32 scram-sha-256', rest],
    differing: [],
  },
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
  {
    name: 'has a pattern for other databases',
    lines: ['host "/^rep" app 127.0.0.2/32 scram-sha-256', 'host "/^rep" all 127.0.0.2/32 reject', rest],
    differing: [1],
    database: 'reporting',
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
    file = await hbaFileOf(db.sql);
    app = await db.makeApp({ owner: 'app', database: 'app' });
    for (const name of ['app', 'reporting', 'closed']) await db.sql(`CREATE DATABASE ${name}`);
    await db.sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
    await db.sql('CREATE ROLE readers');
    await db.sql('GRANT readers TO app');
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    for (const slot of ['app_a', 'app_b']) await db.sql(`ALTER ROLE ${slot} PASSWORD '${app.password}'`);
  }, 60_000);
  afterAll(() => db.stop());

  const useLines = (lines: readonly string[]): Promise<void> =>
    loadHbaFile(db.server, db.sql, ['host all postgres 127.0.0.1/32 scram-sha-256', ...lines, ''].join('\n'));
  const clientFrom = (localAddress: string, user: string, database: string): pg.Client => {
    const stream = new Socket();
    const connect = stream.connect.bind(stream);
    Object.assign(stream, { connect: (port: number, host: string) => connect({ port, host, localAddress }) });
    const { host, port } = app.config;
    const client = new pg.Client({ host, port, database, user, password: app.password, stream: () => stream });
    client.on('error', () => undefined);
    return client;
  };
  /** Null when it gets in; else the code of the refusal. */
  const loginFrom = async (localAddress: string, user: string, database: string): Promise<string | null> => {
    const client = clientFrom(localAddress, user, database);
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
      expect(
        differing.map(({ severity, details }) => [severity, details['slot'], details['line'], details['file'], details['database']]),
      ).toEqual(one.differing.flatMap((line) => ['app_a', 'app_b'].map((slot) => ['blocks', slot, line + 1, file, one.database ?? 'app'])));
    },
  );

  it('lets no difference through that a login from another address really meets', async () => {
    await db.sql('ALTER ROLE app_a LOGIN');
    for (const one of cases.filter(({ since = 0 }) => major >= since)) {
      await useLines(one.lines);
      for (const database of ['app', 'reporting']) {
        const met = await Promise.all(['app', 'app_a'].map((user) => loginFrom('127.0.0.2', user, database)));
        if (met[0] !== met[1]) expect(one.differing, one.name).not.toEqual([]);
      }
    }
    await db.sql('ALTER ROLE app_a NOLOGIN');
  });

  it.each([
    { name: 'nobody is connected', from: null, severity: 'blocks' },
    { name: 'the application comes from elsewhere', from: '127.0.0.2', severity: 'warns' },
    { name: 'the application comes from there', from: '127.0.0.3', severity: 'blocks' },
  ])('says of a line that asks elsewhere who somebody is, while $name: $severity', async ({ from, severity }) => {
    await useLines([rest]);
    const client = from === null ? null : clientFrom(from, 'app', 'app');
    await client?.connect();
    await useLines(['host all all 127.0.0.3/32 ident', rest]);

    const { findings } = await inspect(app.config, 'adopt', dependencies, patience());

    await client?.end();
    expect(findings.filter(({ code }) => code === 'hba-line-goes-by-name')).toEqual([
      { code: 'hba-line-goes-by-name', severity, details: { file, line: 2, method: 'ident', database: 'app' } },
    ]);
    await expect.poll(() => db.sql(`SELECT FROM pg_stat_activity WHERE usename = 'app'`)).toEqual([]);
  });

  it('blocks no more by what a person accepted, and blocks by the next line that refuses a slot', async () => {
    const refused = ['host all app 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.2/32 reject', rest];
    await useLines(refused);
    const { hbaMarks: acceptedHba } = await inspect(app.config, 'adopt', dependencies, patience());
    const blocking = async (): Promise<readonly unknown[]> =>
      (await inspect({ ...app.config, acceptedHba }, 'adopt', dependencies, patience())).findings
        .filter(({ severity }) => severity === 'blocks')
        .map(({ details }) => [details['line'], details['slot']]);

    await useLines(['host all nobody 127.0.0.9/32 reject', ...refused]);
    expect(await blocking()).toEqual([]);
    await enable(acceptedHba);
    await db.sql('ALTER ROLE app_b NOLOGIN');
    await useLines(['host all app_b 127.0.0.4/32 reject', ...refused]);

    expect(await blocking()).toEqual([
      [2, 'app_b'],
      [3, 'app_b'],
    ]);
    await expect(enable(acceptedHba)).rejects.toMatchObject({ code: 'hba-differs-for-slots', details: { line: 2, slot: 'app_b' } });
    expect(await isOpen()).toBe(false);
  });

  it('blocks again once a line goes that kept an accepted refusal from where the application comes in', async () => {
    const above = 'host all app,app_a,app_b 127.0.0.2/32 scram-sha-256';
    const refused = ['host all app,app_a 127.0.0.0/8 scram-sha-256', 'host all all 127.0.0.0/8 reject'];
    await useLines([above, ...refused]);
    const { hbaMarks: acceptedHba } = await inspect(app.config, 'adopt', dependencies, patience());
    await enable(acceptedHba);
    expect(await loginFrom('127.0.0.2', 'app_b', 'app')).not.toBe('28000');
    await db.sql('ALTER ROLE app_b NOLOGIN');
    await useLines(refused);

    await expect(enable(acceptedHba)).rejects.toMatchObject({ code: 'hba-differs-for-slots', details: { line: 2, slot: 'app_b' } });
    expect(await isOpen()).toBe(false);
  });

  it('keeps a word while databases come and go, and blocks where a line goes that kept from one what was accepted in others', async () => {
    const lines = ['host all app 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.2/32 reject', rest];
    const ofShop = 'host shop app,app_a,app_b 127.0.0.3/32 scram-sha-256';
    await db.sql('CREATE DATABASE shop');
    await useLines([ofShop, ...lines]);
    const { hbaMarks: acceptedHba } = await inspect(app.config, 'adopt', dependencies, patience());
    const blocking = async (): Promise<readonly unknown[]> =>
      (await inspect({ ...app.config, acceptedHba }, 'adopt', dependencies, patience())).findings
        .filter(({ severity }) => severity === 'blocks')
        .map(({ code, details }) => [code, details['slot']]);

    await db.sql('CREATE DATABASE tenant');
    expect(await blocking()).toEqual([]);
    await useLines(lines);
    expect(await blocking()).toEqual([
      ['hba-differs-for-slots', 'app_a'],
      ['hba-differs-for-slots', 'app_b'],
    ]);
    await db.sql('DROP DATABASE shop');
    expect(await blocking()).toEqual([]);
    await db.sql('DROP DATABASE tenant');
  });

  it('takes a word on the turns of the slots for none on the way back to the login', async () => {
    await useLines(['host all app_a,app_b 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.0/8 reject']);
    await db.sql('ALTER ROLE app_a LOGIN');
    await db.sql('ALTER ROLE app NOLOGIN');
    const turns = await inspect(app.config, 'rotate', dependencies, patience());
    const acceptedHba = turns.hbaMarks;

    const { findings } = await inspect({ ...app.config, acceptedHba }, 'un-adopt', dependencies, patience());
    await expect(enable(acceptedHba, true, 'owner')).rejects.toMatchObject({
      code: 'hba-differs-for-slots',
      details: { line: 2, role: 'app_a', slot: 'app' },
    });
    await db.sql('ALTER ROLE app_a NOLOGIN');
    await db.sql('ALTER ROLE app LOGIN');

    expect(turns.findings.filter(({ code }) => code === 'hba-differs-for-slots')).toEqual([]);
    expect(findings.filter(({ code }) => code === 'hba-differs-for-slots').map(({ severity }) => severity)).toEqual(['blocks']);
  });

  it('shows no password that stands in a line', async () => {
    const asked = 'ldapserver=127.0.0.1 ldapbasedn="dc=example" ldapbinddn="cn=reader" ldapbindpasswd=Tr0ub4dor';
    await useLines([`host all app 127.0.0.2/32 ldap ${asked}`, rest]);

    const inspection = await inspect(app.config, 'adopt', dependencies, patience());

    // A server that was built without LDAP calls the line broken.
    expect(JSON.stringify(inspection.findings)).toMatch(/ldapbinddn=cn=reader|hba-line-broken/);
    expect(JSON.stringify(inspection)).not.toContain('Tr0ub4dor');
  });

  const enable = async (acceptedHba: AcceptedHba, isPending = true, slot: 'owner' | 'b' = 'b'): Promise<void> => {
    const engine = createPostgresqlEngine({ ...app.config, acceptedHba }, dependencies);
    const session = await engine.openSession(app.config.secretId, 2, patience(), null);
    try {
      await session.execute({ kind: 'enable', slot, version: 2 }, [{ ...app.candidate(2, slot), isPending }], patience());
    } finally {
      await session.close();
    }
  };
  const isOpen = async (): Promise<unknown> =>
    (await db.sql(`SELECT rolcanlogin AS open FROM pg_roles WHERE rolname = 'app_b'`))[0]?.['open'];

  it('opens no slot that the lines have begun to refuse since somebody looked, unless a person accepts it', async () => {
    await useLines(['host all app,app_a 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.2/32 reject', rest]);

    await expect(enable([])).rejects.toMatchObject({
      kind: 'needs-person',
      code: 'hba-differs-for-slots',
      details: { line: 2, database: 'app', role: 'app', slot: 'app_b', gives: 'scram-sha-256 (line 2)', meets: 'reject (line 3)' },
    });
    expect(await isOpen()).toBe(false);
    await enable('all');

    const client = new pg.Client({ ...app.config, user: 'app_b', password: passwordOf(2), ssl: false });
    await client.connect();
    await client.end();
    await db.sql('ALTER ROLE app_b NOLOGIN');
  });

  it('opens again what applications use already, whatever the lines say by now', async () => {
    await useLines(['host all app,app_a 127.0.0.2/32 scram-sha-256', 'host all all 127.0.0.2/32 reject', rest]);

    await enable([], false);

    expect(await isOpen()).toBe(true);
    await db.sql('ALTER ROLE app_b NOLOGIN');
  });

  it('opens no slot that another database of the server would refuse', async () => {
    await useLines(['host reporting app 127.0.0.2/32 scram-sha-256', 'host reporting all 127.0.0.2/32 reject', rest]);

    await expect(enable([])).rejects.toMatchObject({ code: 'hba-differs-for-slots', details: { line: 2, database: 'reporting' } });
    expect(await isOpen()).toBe(false);
  });

  it('names the line that cannot be parsed, blocks by it, and opens no slot, unless a person accepts it', async () => {
    await useLines([rest]);
    await writeFile(file, `${await readFile(file, 'utf8')}host all all 1.2.3.4/32 no-such-method\n`);
    const found = async (acceptedHba: AcceptedHba): Promise<readonly unknown[]> =>
      (await inspect({ ...app.config, acceptedHba }, 'adopt', dependencies, patience())).findings.filter(({ code }) =>
        code.startsWith('hba-'),
      );

    const details = { file, line: 3 };
    expect(await found([])).toEqual([{ code: 'hba-line-broken', severity: 'blocks', details }]);
    await expect(enable([])).rejects.toMatchObject({ kind: 'needs-person', code: 'hba-line-broken', details });
    expect(await isOpen()).toBe(false);
    expect(await found('all')).toEqual([{ code: 'hba-line-broken', severity: 'warns', details }]);
    await enable('all');
    expect(await isOpen()).toBe(true);
    await useLines([rest]);
    await db.sql('ALTER ROLE app_b NOLOGIN');
  });

  it('keeps a word on a line that cannot be parsed only until the server loads other lines, whatever the file says then', async () => {
    const typo = ['hots all all 10.0.0.0/8 md5', rest];
    const isAccepted = async (acceptedHba: AcceptedHba): Promise<boolean> => {
      const { findings } = await inspect({ ...app.config, acceptedHba }, 'adopt', dependencies, patience());
      return findings.some(({ code, severity }) => code === 'hba-line-broken' && severity === 'warns');
    };
    await useLines(typo);
    const { hbaMarks: acceptedHba } = await inspect(app.config, 'adopt', dependencies, patience());

    expect(await isAccepted(acceptedHba)).toBe(true);
    await enable(acceptedHba);
    await db.sql('ALTER ROLE app_b NOLOGIN');
    await useLines(['host all app_b 127.0.0.2/32 reject', rest]);
    await useLines(typo);

    expect(await isAccepted(acceptedHba)).toBe(false);
    await expect(enable(acceptedHba)).rejects.toMatchObject({ code: 'hba-line-broken' });
    expect(await loginFrom('127.0.0.2', 'app_b', 'app')).toBe('28000');
    expect(await isOpen()).toBe(false);
    await useLines([rest]);
  });
});
