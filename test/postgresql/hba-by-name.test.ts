/** Lines for everybody that ask for a certificate, which bears the name of the login and not that of a slot. */
import { execFile } from 'node:child_process';
import { chown, copyFile, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import type { AcceptedHba } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hbaFileOf, loadHbaFile } from '../support/hba-file.ts';
import { type App, dependencies, type Fixture, patience, startFixture } from './fixture.ts';

interface Certificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const byCertificate = 'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full';
const inClear = 'hostnossl all all 127.0.0.1/32 scram-sha-256';
const rest = 'host all all 127.0.0.1/32 scram-sha-256';

describe.each(await availablePostgresqlVersions())('lines that go by the name of a login on PostgreSQL %i', (major) => {
  let db: Fixture;
  let app: App;
  let file: string;
  let certificate: Certificate;
  beforeAll(async () => {
    db = await startFixture({ major, tls: true });
    file = await hbaFileOf(db.sql);
    app = await db.makeApp({ owner: 'app' });
    for (const name of ['elsewhere', 'granted']) await db.sql(`CREATE DATABASE ${name}`);
    await db.sql('GRANT TEMPORARY ON DATABASE granted TO app');
    await trustClients(db);
    certificate = await certificateFor('app', db);
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
  }, 60_000);
  afterAll(() => db.stop());

  const useLines = (lines: readonly string[]): Promise<void> => loadHbaFile(db.server, db.sql, `${lines.join('\n')}\n`);
  const enable = async (acceptedHba: AcceptedHba): Promise<void> => {
    const engine = createPostgresqlEngine({ ...app.config, acceptedHba }, dependencies);
    const session = await engine.openSession(app.config.secretId, 2, patience(), null);
    try {
      await session.execute({ kind: 'enable', slot: 'a', version: 2 }, [{ ...app.candidate(2, 'a'), isPending: true }], patience());
    } finally {
      await session.close();
    }
  };
  const loginAs = async (user: string, password: string): Promise<string | null> => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: db.server.port,
      database: db.server.database,
      user,
      password,
      ssl: certificate,
    });
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

  it.each([
    { name: 'for everybody, with the password as well', lines: [byCertificate, inClear], severity: 'blocks' },
    { name: 'for everybody', lines: ['hostssl all all 127.0.0.1/32 cert', inClear], severity: 'blocks' },
    {
      name: 'that asks elsewhere, for everybody',
      lines: [rest, 'host all all 10.0.0.0/8 ident'],
      severity: 'blocks',
    },
    { name: 'with a map, which may know the slots', lines: ['hostssl all all 127.0.0.1/32 cert map=clients', inClear], severity: 'warns' },
    { name: 'in a database where the login has rights', lines: ['hostssl granted all 127.0.0.1/32 cert', rest], severity: 'blocks' },
    { name: 'in a database where the login has nothing', lines: ['hostssl elsewhere all 127.0.0.1/32 cert', rest], severity: 'warns' },
    { name: 'for another user', lines: ['hostssl all somebody 127.0.0.1/32 cert', rest], severity: null },
    {
      name: 'for a group of people',
      lines: ['hostssl all +staff 127.0.0.1/32 cert', 'hostnossl all +staff all reject', rest],
      severity: null,
    },
    {
      name: 'of an operator for its own logins',
      lines: [
        'local all all peer map=local',
        'hostssl postgres streaming_replica all cert map=replica',
        'hostssl replication streaming_replica all cert map=replica',
        'hostssl all pooler all cert map=pooler',
        'host all all all scram-sha-256',
      ],
      severity: null,
    },
    { name: 'for replication', lines: ['hostssl replication all 127.0.0.1/32 cert', rest], severity: null },
    { name: 'for people on the machine', lines: ['local all all peer', rest], severity: null },
    { name: 'behind one that asks for a password', lines: [rest, 'hostssl all all 127.0.0.1/32 cert'], severity: null },
  ])('says of a line $name: $severity', async ({ lines, severity }) => {
    await useLines(lines);

    const { findings } = await inspect(app.config, 'adopt', dependencies, patience());

    const found = findings.filter(({ code }) => code === 'hba-line-goes-by-name').map((one) => one.severity);
    expect(found).toEqual(severity === null ? [] : [severity]);
    expect(findings.filter((one) => one.severity === 'blocks' && one.code !== 'hba-line-goes-by-name')).toEqual([]);
  });

  it('opens no slot where the application would be shut out with the certificate that it has, unless a person accepts it', async () => {
    await useLines([byCertificate, inClear]);
    expect(await loginAs('app', app.password)).toBeNull();

    await expect(enable([])).rejects.toMatchObject({
      kind: 'needs-person',
      code: 'hba-line-goes-by-name',
      details: { file, line: 1, method: 'scram-sha-256', database: db.server.database },
    });
    expect(await db.sql(`SELECT rolcanlogin AS open FROM pg_roles WHERE rolname = 'app_a'`)).toEqual([{ open: false }]);
    await enable('all');

    const { username, password } = app.candidate(2, 'a').credential;
    expect(await db.tryLogin(username, password.reveal())).toBeNull();
    expect(await loginAs(username, password.reveal())).toBe('28P01');
    await db.sql('ALTER ROLE app_a NOLOGIN');
  });
});

/** Has the server accept client certificates of its own authority. */
async function trustClients({ server, sql }: Fixture): Promise<void> {
  const { uid, gid } = await stat(server.dataDirectory);
  const ca = join(server.dataDirectory, 'ca.crt');
  await copyFile(server.caFile ?? '', ca);
  await chown(ca, uid, gid);
  await sql(`ALTER SYSTEM SET ssl_ca_file = 'ca.crt'`);
}

async function certificateFor(name: string, { server }: Fixture): Promise<Certificate> {
  const directory = dirname(server.caFile ?? '');
  const openssl = (...args: readonly string[]): Promise<unknown> => promisify(execFile)('openssl', args, { cwd: directory });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl('req', ...newKey, '-keyout', 'client.key', '-out', 'client.csr', '-subj', `/CN=${name}`);
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', 'client.csr', ...signing, '-out', 'client.crt');
  const [ca, cert, key] = await Promise.all(['ca.crt', 'client.crt', 'client.key'].map((one) => readFile(join(directory, one), 'utf8')));
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
}
