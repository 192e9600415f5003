/** The scheduler on a real store, with a clock that lies. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { EventHub } from './events/event-hub.ts';
import type { VaultLog } from './log.ts';
import { startScheduler } from './scheduler.ts';
import { Daemon } from './storage/contract/daemon.ts';
import { expectDone, sealFor, Vault } from './storage/contract/fixture.ts';
import type { NewVersion } from './storage/records.ts';
import { openSqliteStorage } from './storage/sqlite/open.ts';
import type { VaultParts } from './vault-parts.ts';

const dayMs = 86_400_000;
let directory: string;
let vault: Vault;
let clock: FakeClock;
let stopping: AbortController;
/** The secret whose project key is damaged. */
let damagedId: string | null;
let failures: (string | undefined)[];
let warnings: string[];
/** A process of the vault begins; the one before has ended. */
let start: () => Promise<void>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-time-'));
  const open = () => openSqliteStorage({ file: join(directory, 'vault.db'), random: systemRandom });
  vault = await Vault.create({ open, remove: async () => undefined });
  clock = new FakeClock(vault.now);
  stopping = new AbortController();
  damagedId = null;
  failures = [];
  warnings = [];
  const log: VaultLog = {
    debugging: false,
    write: (level, event, fields) => {
      if (level === 'warn') warnings.push([event, fields?.from, fields?.until].filter((part) => part !== undefined).join(' '));
    },
    failure: (_event, _error, fields) => failures.push(fields?.secretId),
  };
  const sealValue = (version: NewVersion): Uint8Array => {
    if (version.secretId === damagedId) throw new Error('the project key is damaged');
    return sealFor(version);
  };
  const keyring = { sealed: false, sealValue };
  start = async () => {
    stopping.abort();
    stopping = new AbortController();
    const parts = { storage: vault.storage, clock, random: systemRandom, hub: new EventHub(), log, keyring };
    const scheduler = startScheduler(parts as unknown as VaultParts, stopping.signal);
    await scheduler.catchUp();
  };
  await start();
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

test('a secret whose rotation cannot begin lengthens no drain, and is tried again each minute', async () => {
  const project = await vault.project();
  const machineId = await vault.approved(project);
  const poisonedId = await vault.managedSecret(project, { intervalMs: 60_000 });
  await vault.grant(poisonedId, machineId, 'read', 'rotate');
  const other = new Daemon(vault, machineId, poisonedId);
  await other.adopt();
  await other.rotate();
  damagedId = poisonedId;
  await pass(62_000);
  const { daemon, work } = await draining();

  await pass(19_000);
  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(4_000);
  expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  await pass(300_000);
  expect(new Set(failures)).toEqual(new Set([poisonedId]));
  expect(failures.length).toBeGreaterThan(4);
  expect(failures.length).toBeLessThan(9);
});

test('time in which a clock put back has all requests refused is a silence: it is warned of, and drains last on after it', async () => {
  const { machineId } = await draining();
  await pass(20 * 60_000);
  jump(20 * 60_000);
  for (let minute = 0; minute < 40; minute += 1) {
    await pass(60_000);
    expect(await vault.storage.useNonce(vault.machine(machineId))).toBe('fresh');
  }
  const { daemon, work } = await draining();
  await pass(18_000);

  jump(-20 * 60_000);
  await pass(5 * 60_000);
  expect(await vault.storage.useNonce(vault.machine(machineId))).toBe('time-forgotten');
  const until = (await vault.storage.refusedUntil({ now: clock.now() })) ?? 0;
  expect(new Set(warnings)).toEqual(new Set([`clock.went-back ${new Date(until).toISOString()}`]));
  expect(warnings.length).toBeGreaterThan(3);
  expect(warnings.length).toBeLessThan(7);
  // As long as a client whose clock differs from ours, within what is allowed, may still be refused.
  await pass(until - clock.now() + 302_400);

  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(15_000);
  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(8_000);
  expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
});

test('a drain that runs when the clock reaches a time that it told before lasts on after it, as after every silence', async () => {
  const { machineId } = await draining();
  await pass(30 * 60_000);
  const ahead = clock.now() + 900_000;
  await vault.storage.useNonce({ ...vault.machine(machineId), signedAt: ahead, now: ahead });
  await vault.storage.prune({ now: ahead + 900_000, limit: 100, keepEventsMs: dayMs });
  let from = clock.now();
  while ((await vault.storage.refusedUntil({ now: from })) === null) from += 1_000;
  const until = (await vault.storage.refusedUntil({ now: from })) ?? 0;
  await pass(from - clock.now() - 317_000);
  const { daemon, work } = await draining();
  // As long as a client whose clock differs from ours, within what is allowed, may still be refused.
  await pass(until - clock.now() + 302_400);

  await pass(15_000);
  expect((await daemon.drain(work)).state).toBe('draining');
  await pass(8_000);
  expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
});

async function scheduled(intervalMs: number) {
  const project = await vault.project();
  const machineId = await vault.approved(project);
  const secretId = await vault.managedSecret(project, { intervalMs });
  await vault.grant(secretId, machineId, 'read', 'rotate');
  const daemon = new Daemon(vault, machineId, secretId);
  await daemon.adopt();
  await daemon.rotate();
  return { secretId, daemon };
}

async function managedOf(secretId: string) {
  return expectDone(await vault.storage.showSecret({ caller: vault.operator(), secretId })).managed;
}

test('rotations that were missed while the vault was down begin spread out once the clock is believed, those that become due then at once', async () => {
  const secrets = await Promise.all(Array.from({ length: 12 }, () => scheduled(3_600_000)));
  await pass(2_400);
  stopping.abort();
  jump(2 * dayMs);
  const due = await scheduled(60_000);
  await start();

  const begun: number[] = [];
  await pass(14 * 60_000);
  expect((await managedOf(due.secretId))?.phase).toBe('pending');
  for (const { secretId } of secrets) expect((await managedOf(secretId))?.phase).toBe('none');
  await pass(60_000);
  for (let second = 0; second < 320; second += 10) {
    const phases = await Promise.all(secrets.map(({ secretId }) => managedOf(secretId)));
    begun.push(phases.filter((managed) => managed?.phase === 'pending').length);
    await pass(10_000);
  }
  expect(begun[1]).toBeLessThan(6);
  expect(new Set(begun).size).toBeGreaterThan(4);
  expect(begun.at(-1)).toBe(12);
});

test('a clock that is ten days ahead at the start moves no rotation to then: put right, each comes when it was planned', async () => {
  const secrets = await Promise.all([1, 2, 3, 4, 5, 6].map((days) => scheduled(30 * dayMs - days * 3_600_000)));
  await pass(2_400);
  stopping.abort();
  jump(25 * dayMs);
  const plans = async () => Promise.all(secrets.map(async ({ secretId }) => (await managedOf(secretId))?.nextRotationAt));
  const planned = await plans();
  jump(10 * dayMs);
  await start();
  await pass(4 * 60_000);
  jump(-10 * dayMs);
  await pass(20 * 60_000);

  expect(await plans()).toEqual(planned);
  for (const { secretId } of secrets) expect((await managedOf(secretId))?.phase).toBe('none');
});

test('a vault that is started again every ten seconds ends its drains all the same', async () => {
  const { daemon, work } = await draining();

  const states: string[] = [];
  for (let round = 0; round < 8; round += 1) {
    await pass(9_600);
    states.push((await daemon.drain(work)).state);
    await start();
  }

  expect(states.slice(0, 3)).toEqual(['draining', 'draining', 'draining']);
  expect(states.at(-1)).toBe('deadline-passed');
});

test('when a clock that was ahead for long is put right, the time that it will have refused later is said at once', async () => {
  const { machineId } = await draining();
  await pass(20 * 60_000);
  jump(120 * 60_000);
  for (let minute = 0; minute < 40; minute += 1) {
    await pass(60_000);
    expect(await vault.storage.useNonce(vault.machine(machineId))).toBe('fresh');
  }
  warnings = [];
  jump(-120 * 60_000);
  await pass(60_000);

  const next = await vault.storage.refusedNext({ now: clock.now() });
  if (next === null) throw new Error('nothing is known of it');
  expect(warnings).toEqual([`clock.will-refuse ${new Date(next.from).toISOString()} ${new Date(next.until).toISOString()}`]);
});
