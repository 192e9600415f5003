/** Published clients that a vault with a wrong clock refuses: the real check, store and tick, and a clock that was wrong from the start. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { identityHeader, nonceHeader, signatureHeader, signedPayload, timestampHeader } from '@sikkerkey/protocol/signing.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { EventHub } from '../events/event-hub.ts';
import type { VaultLog } from '../log.ts';
import { startScheduler } from '../scheduler.ts';
import { Daemon } from '../storage/contract/daemon.ts';
import { expectDone, sealFor, Vault } from '../storage/contract/fixture.ts';
import { openSqliteStorage } from '../storage/sqlite/open.ts';
import type { VaultParts } from '../vault-parts.ts';
import { RequestCheck } from './request-check.ts';

const dayMs = 86_400_000;
const address = '192.0.2.7';
let directory: string;
let vault: Vault;
let clock: FakeClock;
let check: RequestCheck;
let stopping: AbortController;
let warned: unknown[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-unheard-'));
  const open = () => openSqliteStorage({ file: join(directory, 'vault.db'), random: systemRandom });
  vault = await Vault.create({ open, remove: async () => undefined });
  vault.now = 100 * dayMs;
  clock = new FakeClock(vault.now);
  warned = [];
  const log: VaultLog = {
    debugging: false,
    write: (level, event, fields) => {
      if (level === 'warn') warned.push({ event, ...fields });
    },
    failure: () => undefined,
  };
  const settings = { lockout: { failures: 5, windowMs: 60_000, lockMs: 60_000, loopback: true } };
  const keyring = { sealed: false, sealValue: sealFor };
  const parts = { storage: vault.storage, clock, random: systemRandom, hub: new EventHub(), log, keyring, settings };
  check = new RequestCheck(parts as unknown as VaultParts);
  stopping = new AbortController();
  await startScheduler(parts as unknown as VaultParts, stopping.signal).catchUp();
});
afterEach(async () => {
  stopping.abort();
  await vault.storage.close();
  await rm(directory, { recursive: true });
});

/** A machine with a key that signs. */
async function client(projectId: string) {
  const key = generateSigningKey(systemRandom);
  const tokenSha256 = systemRandom.bytes(32);
  const expiresAt = vault.now + 600_000;
  expectDone(await vault.storage.createBootstrapToken({ caller: vault.operator(), tokenSha256, projectIds: [projectId], expiresAt }));
  const host = { publicKey: Buffer.from(key.publicKeyBase64, 'base64'), hostname: 'shop', name: null, now: vault.now, address: null };
  const { machineId } = expectDone(await vault.storage.enrollMachine({ tokenSha256, ...host }));
  const approval = { caller: vault.operator(), machineId, state: 'approved', fingerprint: null } as const;
  expectDone(await vault.storage.setMachineState(approval));
  /** Asks at a time of its own; resolves to the code of the refusal, or null. */
  const ask = async (signedAt: number, path = '/v1/secrets', signer = key): Promise<string | null> => {
    const nonce = Buffer.from(systemRandom.bytes(16)).toString('base64');
    const timestamp = String(Math.floor(signedAt / 1000));
    const bodySha256 = createHash('sha256').update('').digest('hex');
    const payload = Buffer.from(signedPayload({ method: 'GET', path, timestamp, nonce, bodySha256 }), 'utf8');
    const signature = Buffer.from(signer.sign(payload)).toString('base64');
    const headers = Object.fromEntries(
      [
        [identityHeader, machineId],
        [timestampHeader, timestamp],
        [nonceHeader, nonce],
        [signatureHeader, signature],
      ].map(([name, value]) => [String(name).toLowerCase(), value]),
    );
    return check.machine({ method: 'GET', target: path, headers, body: new Uint8Array(0), address }).then(
      () => null,
      (error: { readonly code: string }) => error.code,
    );
  };
  return { machineId, ask };
}

/** What this machine read as published clients do some time ago, draining from now on for a minute or as long as is said. */
async function draining(projectId: string, readerId: string, { readAgoMs = 0, drainDeadlineMs = 60_000 } = {}) {
  const now = vault.now;
  vault.now = now - readAgoMs;
  const daemonId = await vault.approved(projectId);
  const secretId = await vault.managedSecret(projectId, { drainDeadlineMs });
  await vault.grant(secretId, daemonId, 'read', 'rotate');
  await vault.grant(secretId, readerId, 'read');
  const daemon = new Daemon(vault, daemonId, secretId);
  await daemon.adopt();
  await daemon.rotate();
  expectDone(await vault.storage.readLiveSecret({ caller: vault.machine(readerId), secretId, instance: null, pool: null }));
  vault.now = now;
  expectDone(await vault.storage.requestRotation({ caller: vault.operator(), secretId, seal: sealFor }));
  const work = await daemon.claim();
  await daemon.confirm(work);
  return async () => (await daemon.drain(work)).state;
}

async function pass(ms: number, each?: () => Promise<void>): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_200) {
    await clock.waitUntilSleeping();
    await clock.advance(1_200);
    vault.now = clock.now();
    if (passed % 12_000 === 0) await each?.();
  }
  await clock.waitUntilSleeping();
}

test('a drain does not end while the vault refuses the published client that holds it, and ends after the clock is right', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const wrongBy = 400_000;
  const drain = await draining(project, reader.machineId, { readAgoMs: wrongBy + 70_000 });

  await pass(300_000, async () => expect(await reader.ask(clock.now() - wrongBy)).toBe('clock-outside-window'));
  expect(await drain()).toBe('draining');
  expect(warned).toContainEqual({ event: 'clock.reader-refused', machineId: reader.machineId, count: 1 });
  await pass(70_000, async () => expect(await reader.ask(clock.now())).toBeNull());
  expect(await drain()).toBe('deadline-passed');
});

test('a host whose clock is years off holds what it read, and no other drain of the vault', async () => {
  const project = await vault.project();
  const broken = await client(project);
  const right = await client(project);
  const held = await draining(project, broken.machineId);
  const other = await draining(project, right.machineId);

  await pass(90_000, async () => {
    expect(await broken.ask(clock.now() + 3_000 * dayMs)).toBe('clock-outside-window');
    expect(await right.ask(clock.now())).toBeNull();
  });
  expect(await held()).toBe('draining');
  expect(await other()).toBe('deadline-passed');
});

test.each([6_000, 10_000, 18_000])('a drain of %i ms is held by who asks every two seconds', async (drainDeadlineMs) => {
  const project = await vault.project();
  const reader = await client(project);
  const drain = await draining(project, reader.machineId, { readAgoMs: 500_000, drainDeadlineMs });

  for (let count = 0; count < 40; count += 1) {
    await pass(2_000);
    await reader.ask(clock.now() - 400_000);
  }
  expect(await drain()).toBe('draining');
});

test('who asks more often than a drain is long is not left behind, though it be hardly more often', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const drain = await draining(project, reader.machineId, { readAgoMs: 500_000 });

  for (const ms of [29_000, 40_000, 50_000, 50_000]) {
    await pass(ms);
    expect(await drain()).toBe('draining');
    await reader.ask(clock.now() - 400_000);
  }
});

test('a clock that was once ahead of its time does not keep its machine unheard when it lags', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const drain = await draining(project, reader.machineId, { readAgoMs: 500_000 });
  await reader.ask(clock.now() + dayMs);

  await pass(120_000, async () => void (await reader.ask(clock.now() - 400_000)));
  expect(await drain()).toBe('draining');
});

test('requests that were accepted once, captured and sent again, keep a drain for no longer than twice its length', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const accepted: number[] = [];
  for (let count = 0; count < 12; count += 1) {
    await pass(12_000);
    accepted.push(clock.now());
    expectDone(await vault.storage.listForMachine({ caller: vault.machine(reader.machineId), projectId: null }));
  }
  await pass(400_000);
  const drain = await draining(project, reader.machineId);

  await pass(130_000, async () => expect(await reader.ask(accepted.shift() ?? 0)).toBe('clock-outside-window'));
  expect(await drain()).toBe('deadline-passed');
});

test.each([
  { name: 'that was heard last at that time', heardAgainAt: [] },
  { name: 'that is right again', heardAgainAt: [61_000] },
])('captured requests that a clock $name signed ahead keep a drain for no longer than twice its length', async ({ heardAgainAt }) => {
  const project = await vault.project();
  const reader = await client(project);
  const drain = await draining(project, reader.machineId, { readAgoMs: 600_000 });
  const now = clock.now() - 600_000;
  const captured = [240_000, 250_000, 260_000, 270_000, 280_000].map((ahead) => now + ahead);
  const asks = async (at: number, signedAt: number) => {
    const caller = { ...vault.machine(reader.machineId), now: at, signedAt };
    expectDone(await vault.storage.listForMachine({ caller, projectId: null }));
  };
  for (const signedAt of captured) await asks(now, signedAt);
  for (const at of heardAgainAt) await asks(now + at, now + at);

  for (const signedAt of captured) {
    await pass(42_000);
    expect(await reader.ask(signedAt)).toBe('clock-outside-window');
  }
  expect(await drain()).toBe('deadline-passed');
});

test.each([
  { name: 'set back since it was accepted', before: -1, after: -400_000 },
  { name: 'once further ahead of its time than now', before: dayMs, after: 400_000 },
])(
  'a clock that was $name holds what its machine read for twice the time, though its requests may be captured ones',
  async ({ before, after }) => {
    const project = await vault.project();
    const reader = await client(project);
    await reader.ask(clock.now() + before);
    const drain = await draining(project, reader.machineId);

    await pass(110_000, async () => expect(await reader.ask(clock.now() + after)).toBe('clock-outside-window'));
    expect(await drain()).toBe('draining');
  },
);

test('that a machine was refused for its clock is known to the next process too', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const seenAt = await vault.storage.lastSeenAt({ kind: 'machine', id: reader.machineId, now: clock.now() });

  await pass(90_000);
  await reader.ask(clock.now() - 400_000);
  expect(await vault.storage.lastSeenAt({ kind: 'machine', id: reader.machineId, now: clock.now() })).toBe(clock.now());
  expect(seenAt).not.toBe(clock.now());
});

test('a machine that proves itself at a wrong time alone is verified behind a locked address, for as long as it asks', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const stranger = generateSigningKey(systemRandom);
  const drain = await draining(project, reader.machineId, { readAgoMs: 13 * 3_600_000 });
  await reader.ask(clock.now() - 400_000);
  for (let count = 0; count < 8; count += 1) await reader.ask(clock.now(), '/v1/secrets', stranger);

  await pass(90_000, async () => expect(await reader.ask(clock.now() - 400_000)).toBe('clock-outside-window'));
  expect(await drain()).toBe('draining');
});

test('behind a locked address a signature that does not hold is told the same at every time', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const stranger = generateSigningKey(systemRandom);
  expect(await reader.ask(clock.now())).toBeNull();
  for (let count = 0; count < 8; count += 1) await reader.ask(clock.now(), '/v1/secrets', stranger);

  expect(await reader.ask(clock.now(), '/v1/secrets', stranger)).toBe('address-locked-out');
  expect(await reader.ask(clock.now() - 3_600_000, '/v1/secrets', stranger)).toBe('address-locked-out');
});

test.each([
  { name: 'the same captured request, sent again and again', signed: () => 99 * dayMs },
  { name: 'a client that learns the time of the vault', signed: () => clock.now() - 400_000, path: '/v2/secrets/read' },
])('a drain ends in time whatever is refused to $name', async ({ signed, path }) => {
  const project = await vault.project();
  const reader = await client(project);
  const drain = await draining(project, reader.machineId);

  await pass(130_000, async () => expect(await reader.ask(signed(), path)).toBe('clock-outside-window'));
  expect(await drain()).toBe('deadline-passed');
});

test('a signature that does not hold keeps nothing, at whatever time it says, and is told no more than one that does', async () => {
  const project = await vault.project();
  const reader = await client(project);
  const drain = await draining(project, reader.machineId);
  const stranger = generateSigningKey(systemRandom);
  const codes = new Set<string | null>();

  await pass(70_000, async () => {
    codes.add(await reader.ask(clock.now() - 400_000, '/v1/secrets', stranger));
  });
  for (let count = 0; count < 6; count += 1) codes.add(await reader.ask(clock.now() - 400_000, '/v1/secrets', stranger));
  expect(await drain()).toBe('deadline-passed');
  expect(codes).toEqual(new Set(['clock-outside-window']));
});
