/** Another address for a secret that is at work, on the real programs: the same server, a copy of its data directory, and the way on. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import Database from 'better-sqlite3';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, startProgram } from '../daemon/programs.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { readLiveCredential, tryLogin } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ drainDeadlineMs: 1_000 });
}, 60_000);

afterAll(() => stand?.close());

const commandLine = async (...words: string[]): Promise<{ code: number | string; output: string }> => {
  const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: stand.home });
  return { code: await program.ended, output: program.output() };
};
const rotate = async ({ secretId }: Managed): Promise<string> =>
  (await stand.client((client) => client.call('agent.rotate', { secretId }))).rotationId;
const configure = ({ secretId }: Managed, port: number): Promise<unknown> => {
  const { host, database, superuser: adminUser, password } = stand.postgresql;
  const place = { provider: 'postgresql', host, port, database, adminUser, adminPassword: password.reveal(), tls: 'disable' } as const;
  return stand.client((client) => client.call('agent.configure', { secretId, ...place }));
};
const rests = ({ secretId }: Managed, errorCode: string): Promise<unknown> =>
  eventually(`the agent rests with ${errorCode}`, async () => (await stand.agent(secretId)).errorCode === errorCode);
const serversKept = ({ secretId }: Managed): number => {
  const database = new Database(homeOf({ ...readEnvironment(), home: stand.home }).journalFile, { readonly: true });
  try {
    return database.prepare<[string], number>('SELECT count(*) FROM server WHERE secret_id = ?').pluck().get(secretId) ?? -1;
  } finally {
    database.close();
  }
};

test('the same server at another address is recognised while both answer, and work goes on there', async () => {
  const managed = await stand.adopted();
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: stand.postgresql.port });
  try {
    await configure(managed, proxy.port);

    await stand.retired(managed.secretId, await rotate(managed));
    await expectNothingLeftBehind(stand, managed);
    await configure(managed, stand.postgresql.port);
    await stand.retired(managed.secretId, await rotate(managed));
  } finally {
    await proxy.stop();
  }
}, 60_000);

test('an agent that is started while its new address is looked at is running afterwards', async () => {
  const managed = await stand.adopted();
  const { secretId } = managed;
  await stand.client((client) => client.call('agent.stop', { secretId }));
  const silent = createServer();
  silent.listen({ port: 0, host: '127.0.0.1' });
  await once(silent, 'listening');
  const asked = once(silent, 'connection');
  const configured = configure(managed, (silent.address() as AddressInfo).port);

  const [connection] = (await asked) as [Socket];
  await stand.client((client) => client.call('agent.start', { secretId }));
  connection.destroy();
  silent.close();
  await configured;

  expect((await stand.agent(secretId)).running).toBe(true);
  await configure(managed, stand.postgresql.port);
  await stand.retired(secretId, await rotate(managed));
}, 60_000);

test('a mistyped address in between does not lose the server that is known: the next one is compared with that', async () => {
  const managed = await stand.adopted();
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: stand.postgresql.port });
  try {
    await configure(managed, await freePort());

    await configure(managed, proxy.port);

    await stand.retired(managed.secretId, await rotate(managed));
    await expectNothingLeftBehind(stand, managed);
  } finally {
    await proxy.stop();
  }
}, 60_000);

test('login slots that cannot be dropped are shown with what keeps them, until they are gone', async () => {
  const managed = await stand.adopted();
  const { secretId, owner } = managed;
  const { username, password } = await readLiveCredential(stand, managed);
  const { host, port, database } = stand.postgresql;
  const session = new pg.Client({ host, port, database, user: username, password });
  session.on('error', () => undefined);
  await session.connect();
  const { rotationId } = await stand.client((client) => client.call('agent.unAdopt', { secretId }));
  await stand.retired(secretId, rotationId);
  await rests(managed, 'slot-in-use');
  expect(await stand.agent(secretId)).toMatchObject({ state: 'IDLE', adopted: false });

  await configure(managed, await freePort());

  await rests(managed, 'different-server');
  expect(await stand.agent(secretId)).toMatchObject({ state: 'QUARANTINED' });
  expect((await commandLine('agent', 'repair', secretId)).output).toContain(`sikkerkey agent repair --secret ${secretId} --accept-server`);
  await session.end();
  await configure(managed, port);
  await eventually(
    'the slots are gone',
    async () => (await stand.sql('SELECT FROM pg_roles WHERE rolname LIKE $1', [`${owner}_%`])).length === 0,
  );
  await eventually('the agent is idle', async () => (await stand.agent(secretId)).errorCode === null);
  expect(await stand.agent(secretId)).toMatchObject({ state: 'IDLE' });
}, 90_000);

describe('a copy of the data directory, which has the identity of its original', () => {
  let directory: string;
  let copy: LocalPostgresql;
  let managed: Managed;
  const logins = 'SELECT rolname, rolcanlogin, rolpassword FROM pg_authid ORDER BY 1';
  const atCopy = async (text: string): Promise<readonly Record<string, unknown>[]> => {
    const { host, port, database, superuser, password } = copy;
    const client = new pg.Client({ host, port, database, user: superuser, password: password.reveal() });
    await client.connect();
    return (await client.query<Record<string, unknown>>(text).finally(() => client.end())).rows;
  };

  beforeAll(async () => {
    managed = await stand.adopted();
    directory = await mkdtemp(join(tmpdir(), 'sk-copy-'));
    const dataDirectory = join(directory, 'data');
    await stand.sql('CHECKPOINT');
    copy = await copyOf(stand.postgresql, dataDirectory);
  }, 60_000);

  afterAll(async () => {
    await copy?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('gets nothing written, and production keeps what applications use until a person says so or goes back', async () => {
    const { secretId } = managed;
    const before = await atCopy(logins);
    await configure(managed, copy.port);

    const rotationId = await rotate(managed);
    await rests(managed, 'different-server');

    const live = await readLiveCredential(stand, managed);
    expect(await tryLogin(stand, live.username, live.password)).toBe('accepted');
    await stand.restartDaemon();
    await rests(managed, 'different-server');
    expect(await atCopy(logins)).toEqual(before);
    expect(await commandLine('agent', 'repair', secretId, '--recreate-slots', '--yes')).toMatchObject({ code: 7 });
    expect(await atCopy(logins)).toEqual(before);
    const planned = await commandLine('agent', 'repair', secretId, '--accept-server');
    expect(planned.code).toBe(2);
    expect(planned.output.replace(/\s+/g, ' ')).toContain(`:${stand.postgresql.port}/${stand.postgresql.database}, and this is`);

    await configure(managed, stand.postgresql.port);

    await stand.retired(secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);

  test('is worked on once a person says that it is the server now, with nothing in flight', async () => {
    const { secretId, owner } = managed;
    expect(await commandLine('agent', 'repair', secretId, '--accept-server', '--yes')).toMatchObject({ code: 7 });
    await configure(managed, copy.port);

    expect(await commandLine('agent', 'repair', secretId, '--accept-server', '--yes')).toMatchObject({ code: 0 });

    const { entries } = await stand.operator('audit', { secretId, limit: 20 });
    expect(entries.some(({ detail }) => detail?.endsWith('accept-server') === true)).toBe(true);
    await stand.client((client) => client.call('agent.repair', { secretId, overwriteForeignPassword: true }));
    await stand.retired(secretId, await rotate(managed));
    expect(await atCopy(`SELECT FROM pg_roles WHERE rolname LIKE '${owner}%' AND rolcanlogin`)).toHaveLength(1);

    await stand.client((client) => client.call('agent.remove', { secretId }));

    expect(serversKept(managed)).toBe(0);
  }, 120_000);
});

test('whoever asks for the rotation at which the agent rests, and waits, sees how it ends and not the old finding', async () => {
  const managed = await stand.adopted();
  const { secretId } = managed;
  const live = await readLiveCredential(stand, managed);
  await stand.sql(`ALTER ROLE ${live.username} PASSWORD 'set-by-somebody-else-0123456789'`);
  await rotate(managed);
  await rests(managed, 'foreign-password');
  const refused = await commandLine('agent', 'rotate', secretId, '--yes', '--wait');
  expect(refused).toMatchObject({ code: 6 });
  expect(refused.output).toContain('foreign-password');
  await stand.sql(`ALTER ROLE ${live.username} PASSWORD '${live.password}'`);

  expect(await commandLine('agent', 'rotate', secretId, '--yes', '--wait')).toMatchObject({ code: 0 });
}, 60_000);

/** As a snapshot of the disk has it, owners included. */
async function copyOf({ dataDirectory: original, password }: LocalPostgresql, dataDirectory: string): Promise<LocalPostgresql> {
  await promisify(execFile)('cp', ['-a', original, dataDirectory]);
  await rm(join(dataDirectory, 'postmaster.pid'), { force: true });
  await mkdir(`${dataDirectory}.server`, { mode: 0o700 });
  await writeFile(join(`${dataDirectory}.server`, 'superuser-password'), password.reveal(), { mode: 0o600 });
  return startPostgresql({ dataDirectory });
}
