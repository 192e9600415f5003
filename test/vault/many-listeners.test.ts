/** Hundreds of daemons and readers listen at once: each hears everything, and the vault keeps nothing for them. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EventListener, listenToEvents } from '../support/event-listener.ts';
import { asOperator, type Identity, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, startVault, type TestVault } from '../support/vault-process.ts';

const listenersOfEach = 100;
const updates = 40;
const mebibyte = 1_048_576;

let vault: TestVault;
let secretId: string;
const machines: Identity[] = [];
beforeAll(async () => {
  vault = await startVault();
  const { projectId } = await asOperator(vault.apiUrl, vault.operator, 'createProject', { name: 'production' });
  ({ secretId } = await asOperator(vault.apiUrl, vault.operator, 'createSecret', { projectId, name: 'shared', value: 'v1' }));
  for (let count = 0; count < 3; count += 1) {
    const machine = await approvedMachine(vault, [projectId]);
    await asOperator(vault.apiUrl, vault.operator, 'grant', { secretId, machineId: machine.id, permission: 'read' });
    machines.push(machine);
  }
});
afterAll(() => vault.stop());

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${vault.processId}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Versions that the listener was told of, in the order in which it heard them. */
const versionsHeard = ({ heard }: EventListener): number[] => heard.flatMap((e) => (e.kind === 'secret-changed' ? [e.version] : []));

test.skipIf(process.platform !== 'linux')(
  'three hundred listeners hear every change in order, and the memory of the vault stays bounded',
  async () => {
    const listeners: EventListener[] = [];
    for (const machine of machines) {
      listeners.push(...(await Promise.all(Array.from({ length: listenersOfEach }, () => listenToEvents(vault.apiUrl, machine, null)))));
    }
    const before = await residentBytes();

    for (let version = 2; version <= updates + 1; version += 1) {
      await asOperator(vault.apiUrl, vault.operator, 'updateSecret', { secretId, value: `v${version}` });
    }
    await Promise.all(listeners.map((listener) => listener.next((e) => e.kind === 'secret-changed' && e.version === updates + 1)));
    const grownBy = (await residentBytes()) - before;

    const expected = Array.from({ length: updates }, (_, index) => index + 2);
    expect(listeners).toHaveLength(3 * listenersOfEach);
    for (const listener of listeners) expect(versionsHeard(listener)).toEqual(expected);
    expect(grownBy).toBeLessThan(96 * mebibyte);
    for (const listener of listeners) listener.close();
  },
);

test('one machine has five hundred streams at most, is told so, and keeps no other machine from listening', async () => {
  const [greedy, other] = machines;
  if (greedy === undefined || other === undefined) throw new Error('the machines are missing');
  const opened = await Promise.allSettled(Array.from({ length: 510 }, () => listenToEvents(vault.apiUrl, greedy, null)));
  const listeners = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const beside = await listenToEvents(vault.apiUrl, other, null);
  const body = JSON.stringify({ cursor: null });
  const refused = await signedRequest(vault.apiUrl, greedy, 'POST', '/v2/events', body);

  expect(listeners).toHaveLength(500);
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '30' } });
  expect(JSON.parse(refused.text)).toMatchObject({ error: { code: 'too-many-streams', details: { limit: 500 } } });
  listeners[0]?.close();
  await expect.poll(async () => (await listenToEvents(vault.apiUrl, greedy, null).catch(() => null)) !== null).toBe(true);
  for (const listener of [...listeners, beside]) listener.close();
});
