/** Two hosts serve one secret: one that falls asleep at work is replaced, and wakes up to find itself too late (C14, C17). */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, type RunningDaemon, startDaemon, withClient } from '../daemon/programs.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { LoginMeter } from './login-meter.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;
let database: TcpProxy;
let other: RunningDaemon;
let otherMachineId: string;

beforeAll(async () => {
  stand = await Stand.open({
    databasePort: async (port) => {
      database = await startTcpProxy({ host: '127.0.0.1', port });
      return database.port;
    },
  });
  const home = join(stand.directory, 'o');
  await mkdir(home, { mode: 0o700 });
  other = await startDaemon(home);
  const { token } = await stand.operator('createBootstrapToken', {});
  const fact = await withClient(other.socket, (client) =>
    client.call('identity.enroll', { apiUrl: stand.vault.apiUrl, token, name: 'other' }),
  );
  otherMachineId = fact.machineId;
  await stand.operator('approveMachine', { machineId: otherMachineId });
}, 60_000);

afterAll(async () => {
  other?.child.kill('SIGCONT');
  await other?.stop('SIGKILL');
  await stand?.close();
  await database?.stop();
});

/** Adopted by the stand's daemon; the other host serves it as well. */
async function servedByBoth(): Promise<Managed> {
  const managed = await stand.adopted();
  const { secretId } = managed;
  const { projectId } = await stand.operator('showSecret', { secretId });
  await stand.operator('attachMachine', { projectId, machineId: otherMachineId });
  await stand.operator('grant', { secretId, machineId: otherMachineId, permission: 'rotate' });
  const { host, port, database: name, superuser, password } = stand.postgresql;
  await withClient(other.socket, async (client) => {
    const connection = {
      provider: 'postgresql',
      host,
      port,
      database: name,
      adminUser: superuser,
      adminPassword: password.reveal(),
      tls: 'disable',
    } as const;
    await eventually('the other machine is approved', () => client.call('agent.configure', { secretId, ...connection }).then(() => true));
    await client.call('agent.start', { secretId });
  });
  return managed;
}

describe('two agents of one secret', () => {
  test('a host that sleeps after the change is replaced by the other one, finds itself too late, and no login fails', async () => {
    const managed = await servedByBoth();
    const meter = await LoginMeter.start(stand, managed);
    const sprung = database.armed('SCRAM-SHA-256$', 'cut-after');
    other.child.kill('SIGSTOP');
    const { rotationId } = await stand.client((client) => client.call('agent.rotate', { secretId: managed.secretId }));
    await sprung;
    stand.daemon.child.kill('SIGSTOP');
    other.child.kill('SIGCONT');

    await eventually(
      'the other host retires it',
      async () => {
        const shown = await withClient(other.socket, (client) => client.call('agent.show', { secretId: managed.secretId }));
        return shown.lastRotation?.rotationId === rotationId;
      },
      90_000,
    );
    stand.daemon.child.kill('SIGCONT');
    await eventually('the one that slept sees that it is over', async () => (await stand.agent(managed.secretId)).state === 'IDLE', 60_000);
    const reading = await meter.stop();

    expect(reading.codes).toEqual([]);
    await expectNothingLeftBehind(stand, managed);
  }, 200_000);
});
