/** Enrolling a host anew where it is enrolled already: the identity in use works on until somebody has approved the next. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, type RunningDaemon, type RunningVault, startDaemon, startProgram, startVault, withClient } from './programs.ts';

let directory: string;
let vault: RunningVault;
let daemon: RunningDaemon;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-'));
  [vault, daemon] = await Promise.all([freePort().then((port) => startVault({ directory, port })), startDaemon(join(directory, 'h'))]);
  const { operatorId, operatorKey, apiUrl } = vault;
  await withClient(daemon.socket, (client) => client.call('operator.add', { apiUrl, operatorId, key: operatorKey }));
  const { machineId } = await enrolled('first');
  await operator('approveMachine', { machineId });
  await eventually('the first machine works', async () => (await shown()).pushConnected);
}, 40_000);

afterAll(async () => {
  await daemon?.stop('SIGKILL');
  await vault?.stop();
  await rm(directory, { recursive: true, force: true });
});

const operator = async <R extends OperatorRoute>(route: R, body: OperatorBody<R>): Promise<OperatorAnswer<R>> =>
  (await withClient(daemon.socket, (client) => client.call('operator.call', { route, body }))).answer as OperatorAnswer<R>;
const enrolled = async (name: string): Promise<VaultFact> => {
  const { token } = await operator('createBootstrapToken', {});
  return withClient(daemon.socket, (client) => client.call('identity.enroll', { apiUrl: vault.apiUrl, token, name }));
};
const shown = async (): Promise<VaultFact> => {
  const [only] = (await withClient(daemon.socket, (client) => client.call('identity.list', {}))).vaults;
  if (only === undefined) throw new Error('no vault');
  return only;
};

test('keeps the machine in use at work, through a restart too, until its successor is approved', async () => {
  const before = await shown();

  const next = await enrolled('second');

  expect(next).toMatchObject({ machineName: 'second', machineState: 'pending' });
  expect(next.machineId).not.toBe(before.machineId);
  const { machineId, fingerprint } = next;
  expect(await shown()).toMatchObject({ machineId: before.machineId, machineState: 'approved', successor: { machineId, fingerprint } });

  await daemon.stop('SIGKILL');
  daemon = await startDaemon(join(directory, 'h'));
  await eventually('the first machine works again', async () => (await shown()).pushConnected);
  expect(await shown()).toMatchObject({ machineId: before.machineId, machineState: 'approved' });

  await operator('approveMachine', { machineId });

  await eventually('the second machine works', async () => {
    const vaultNow = await shown();
    return vaultNow.machineId === machineId && vaultNow.pushConnected;
  });
  expect((await shown()).successor).toBeUndefined();
}, 60_000);

test('keeps the machine in use where its successor is denied', async () => {
  const before = await shown();
  const { machineId } = await enrolled('third');

  await operator('denyMachine', { machineId });

  await eventually('the denial is shown', async () => (await shown()).successor?.machineState === 'denied');
  expect(await shown()).toMatchObject({ machineId: before.machineId, machineState: 'approved', reachable: true });
}, 60_000);

test('keeps the machine in use while its approved successor may do less, names the way, and goes on once it is granted', async () => {
  const before = await shown();
  const { projectId } = await operator('createProject', { name: 'orders' });
  await operator('attachMachine', { projectId, machineId: before.machineId });
  const { secretId } = await operator('createSecret', { projectId, name: 'key', value: 'v' });
  await operator('grant', { secretId, machineId: before.machineId, permission: 'read' });
  const { machineId } = await enrolled('fourth');
  await operator('attachMachine', { projectId, machineId });
  await operator('grant', { secretId, machineId, permission: 'rotate' });

  await operator('approveMachine', { machineId });

  const lacking = await eventually('what it lacks is shown', async () => {
    const { successor } = await shown();
    return successor?.errorCode === undefined ? null : successor;
  });
  expect(lacking).toMatchObject({
    ...{ machineId, machineState: 'approved', errorCode: 'successor-lacks-access' },
    errorDetails: { machineId, secretId, projectId, permission: 'read' },
  });
  expect(await shown()).toMatchObject({ machineId: before.machineId, machineState: 'approved' });
  const status = startProgram('apps/cli/main.ts', ['status'], { SIKKERKEY_HOME: join(directory, 'h') });
  expect(await status.ended).toBe(6);
  expect(status.output()).toContain(`sikkerkey admin grant add ${secretId} --machine ${machineId} --permission read`);
  await operator('grant', { secretId, machineId, permission: 'read' });

  await eventually('the fourth machine works', async () => (await shown()).machineId === machineId);
  expect((await shown()).successor).toBeUndefined();
}, 60_000);
