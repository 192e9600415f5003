/** The scheduler on a real store, with a clock that lies. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { EventHub } from './events/event-hub.ts';
import { startScheduler } from './scheduler.ts';
import { Daemon } from './storage/contract/daemon.ts';
import { expectDone, sealFor, Vault } from './storage/contract/fixture.ts';
import { openSqliteStorage } from './storage/sqlite/open.ts';
import type { VaultParts } from './vault-parts.ts';

const dayMs = 86_400_000;
let directory: string;
let vault: Vault;
let clock: FakeClock;
let stopping: AbortController;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-time-'));
  const open = () => openSqliteStorage({ file: join(directory, 'vault.db'), random: systemRandom });
  vault = await Vault.create({ open, remove: async () => undefined });
  clock = new FakeClock(vault.now);
  stopping = new AbortController();
  const log = { debugging: false, write: () => undefined, failure: () => undefined };
  const parts = { storage: vault.storage, clock, random: systemRandom, hub: new EventHub(), log, keyring: { sealed: false } };
  const scheduler = startScheduler(parts as unknown as VaultParts, stopping.signal);
  await scheduler.catchUp();
});
afterEach(async () => {
  stopping.abort();
  await vault.storage.close();
  await rm(directory, { recursive: true });
});

/** Ticks take turns of the event loop for each commit, so the clock waits for them. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_200) {
    await clock.waitUntilSleeping();
    await clock.advance(Math.min(1_200, ms - passed));
  }
  await clock.waitUntilSleeping();
  vault.now = clock.now();
}

function jump(ms: number): void {
  clock.jump(ms);
  vault.now = clock.now();
}

async function draining() {
  const project = await vault.project();
  const machineId = await vault.approved(project);
  const secretId = await vault.managedSecret(project, { drainDeadlineMs: 20_000 });
  await vault.grant(secretId, machineId, 'read', 'rotate');
  const daemon = new Daemon(vault, machineId, secretId);
  await daemon.adopt();
  await daemon.rotate();
  const caller = vault.machine(machineId);
  expectDone(await vault.storage.readLiveSecret({ caller, secretId, instance: 'app-1', pool: 'main' }));
  expectDone(await vault.storage.requestRotation({ caller: vault.operator(), secretId, seal: sealFor }));
  const work = await daemon.claim();
  await daemon.confirm(work);
  return { machineId, daemon, work };
}

test('a drain lasts its whole time, and hardly longer', async () => {
  const { daemon, work } = await draining();

  await pass(19_000);
  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(4_000);
  expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
});

test.each([
  { name: 'jumps two days ahead', ms: 2 * dayMs },
  { name: 'jumps forty seconds ahead, too little to be noticed', ms: 40_000 },
  { name: 'is put back by two days', ms: -2 * dayMs },
])('a drain lasts its whole time when the clock $name', async ({ ms }) => {
  jump(300 * dayMs);
  await pass(5_000);
  const { daemon, work } = await draining();
  await pass(2_400);

  jump(ms);
  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(16_000);
  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(30_000);
  expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
});

test('a clock that is forty days wrong for a minute forgets no nonce, and the captured request stays a replay', async () => {
  const { machineId } = await draining();
  await pass(20 * 60_000);
  const captured = vault.machine(machineId);
  expectDone(await vault.storage.pollVersions({ caller: captured, secretIds: [] }));

  jump(40 * dayMs);
  await pass(70_000);
  jump(-40 * dayMs);
  await pass(5_000);

  expect(await vault.storage.useNonce({ ...captured, now: vault.now })).toBe('replay');
  expect((await vault.audited()).filter((action) => action === 'version.forget')).toEqual([]);
});
