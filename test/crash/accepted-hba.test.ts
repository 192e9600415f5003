/** What a person accepts of pg_hba.conf with a word, on the real programs: what was shown, and only while the lines stay as they are. */
import { Socket } from 'node:net';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import { loadHbaFile } from '../support/hba-file.ts';
import { readLiveCredential } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;
let managed: Managed;

beforeEach(async () => {
  stand = await Stand.open({ drainDeadlineMs: 1_000 });
  managed = await stand.adopted();
}, 60_000);

afterEach(() => stand.close());

const daemonLine = 'host all all 127.0.0.1/32 scram-sha-256';
const refusal = 'host all all 127.0.0.0/8 reject';
const useHbaFile = (text: string): Promise<void> => loadHbaFile(stand.postgresql, (statement) => stand.sql(statement), text);
const useLines = (lines: readonly string[]): Promise<void> => useHbaFile(`${lines.join('\n')}\n`);
/** With what the vault serves now, from where the application is. */
const applicationLogin = async (): Promise<string> => {
  const { username: user, password } = await readLiveCredential(stand, managed);
  const { host, port, database } = stand.postgresql;
  const stream = new Socket();
  const connect = stream.connect.bind(stream);
  Object.assign(stream, { connect: (to: number, at: string) => connect({ port: to, host: at, localAddress: '127.0.0.2' }) });
  const client = new pg.Client({ host, port, user, password, database, stream: () => stream });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return 'accepted';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    await client.end().catch(() => undefined);
  }
};
const accept = async (): Promise<readonly string[]> =>
  (await stand.client((client) => client.call('agent.acceptHba', { secretId: managed.secretId }))).findings.map(({ code, details }) =>
    `${code} ${details['line']} ${details['role'] ?? ''} ${details['slot'] ?? ''}`.trim(),
  );
const rotate = async (): Promise<string> =>
  (await stand.client((client) => client.call('agent.rotate', { secretId: managed.secretId }))).rotationId;
const expectHeldUp = async (code: string): Promise<void> => {
  const shown = await eventually('the lines hold it up', async () => {
    const agent = await stand.agent(managed.secretId);
    return agent.errorCode === null ? null : agent;
  });
  expect(shown.errorCode).toBe(code);
  expect(await applicationLogin()).toBe('accepted');
};

test('a refusal that reaches the application only since a line above is gone is not what was accepted', async () => {
  const { owner } = managed;
  const applications = `host all ${owner},${owner}_a,${owner}_b 127.0.0.2/32 scram-sha-256`;
  const former = `host all ${owner}_a 127.0.0.0/8 scram-sha-256`;
  await useLines([daemonLine, applications, former, refusal]);
  expect(await accept()).toContain(`hba-differs-for-slots 3 ${owner}_a ${owner}_b`);
  await useLines([daemonLine, former, refusal]);

  await rotate();

  await expectHeldUp('hba-differs-for-slots');
}, 90_000);

test('a word shows what the way back to the login would meet from either slot, and holds over turns and databases that come', async () => {
  const { secretId, owner } = managed;
  const slotsOnly = (address: string): string => `host all ${owner}_a,${owner}_b ${address} scram-sha-256`;
  await useLines([daemonLine, slotsOnly('127.0.0.2/32'), refusal]);
  const blocking = async (): Promise<readonly string[]> => {
    const { findings } = await stand.client((client) => client.call('agent.plan', { secretId, kind: 'un-adopt' }));
    return findings.filter(({ severity }) => severity === 'blocks').map(({ details }) => `${details['role']} ${details['slot']}`);
  };
  expect(await blocking()).toEqual([`${owner}_a ${owner}`]);

  expect(await accept()).toEqual([`hba-differs-for-slots 2 ${owner}_a ${owner}`, `hba-differs-for-slots 2 ${owner}_b ${owner}`]);

  expect(await blocking()).toEqual([]);
  await stand.sql('CREATE DATABASE tenant');
  await stand.retired(secretId, await rotate());
  expect(await applicationLogin()).toBe('accepted');
  expect(await blocking()).toEqual([]);
  await useLines([daemonLine, slotsOnly('127.0.0.2/31'), refusal]);
  expect(await blocking()).toEqual([`${owner}_b ${owner}`]);
  await stand.client((client) => client.call('agent.unAdopt', { secretId }));
  await expectHeldUp('hba-differs-for-slots');
}, 90_000);

test('a word on a line that cannot be parsed lets the work go on that waits, and says nothing of what the server loads later', async () => {
  const { owner } = managed;
  const rest = [daemonLine, 'host all all 127.0.0.0/8 scram-sha-256'];
  await useLines(rest);
  await useLines(['hots all all 10.0.0.0/8 md5', ...rest]);
  const waiting = await rotate();
  await expectHeldUp('hba-line-broken');
  expect(await accept()).toEqual(['hba-line-broken 1']);
  await stand.retired(managed.secretId, waiting);
  await useLines(['# mended', daemonLine, `host all ${owner}_a 127.0.0.2/32 reject`, ...rest]);
  await useLines(['hots all all 10.0.0.0/8 md5', ...rest]);

  await rotate();

  await expectHeldUp('hba-line-broken');
}, 90_000);
