/** An operator takes a machine's approval away in the middle of a rotation and gives it back: nothing waits longer for it than it must. */
import { afterAll, beforeAll, test } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import type { VaultProxy } from '../support/vault-proxy.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { Stand } from './stand.ts';

const confirmPath = '/v2/rotations/confirm';
/** What is denied asks again after 42 s at the earliest. */
const soonerThanItsPauseMs = 25_000;

let stand: Stand;
let vault: VaultProxy;

beforeAll(async () => {
  stand = await Stand.open({ behindVaultProxy: true });
  vault = stand.vaultProxy;
}, 60_000);

afterAll(() => stand?.close());

const link = async (): Promise<{ machineId: string; machineState: string; pushConnected: boolean }> => {
  const [known] = (await stand.client((client) => client.call('identity.list', {}))).vaults;
  return {
    machineId: known?.machineId ?? '',
    machineState: known?.machineState ?? 'unknown',
    pushConnected: known?.pushConnected ?? false,
  };
};

test('a rotation goes on as soon as its machine is enabled again', async () => {
  const managed = await stand.adopted();
  const { secretId } = managed;
  const { machineId } = await link();
  vault.refuse(confirmPath);
  // The offer comes by the stream and is not left for when the machine is enabled.
  await eventually('the stream is there again', async () => (await link()).pushConnected);
  const confirms = vault.count(confirmPath);
  const { rotationId } = await stand.client((client) => client.call('agent.rotate', { secretId }));
  await eventually('the confirm is asked for', () => vault.count(confirmPath) > confirms);
  await stand.operator('disableMachine', { machineId });
  vault.refuse(null);
  await eventually('the denial is shown', async () => (await stand.agent(secretId)).state === 'ACCESS_DENIED', 40_000);
  await eventually('the machine is shown as disabled', async () => (await link()).machineState === 'disabled', 40_000);

  await stand.operator('enableMachine', { machineId });

  await stand.retired(secretId, rotationId, soonerThanItsPauseMs);
  await expectNothingLeftBehind(stand, managed);
  await eventually('its end is shown', async () => (await stand.agent(secretId)).lastRotation?.rotationId === rotationId);
}, 150_000);
