/** The vault's own tick: schedules, drains, leases, forgetting. */
import { beforeEach, expect, test } from 'vitest';
import type { DueRotation } from '../tick-operations.ts';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor } from './fixture.ts';

export function tickContract(vault: CurrentVault): void {
  let project: string;
  let machineId: string;
  beforeEach(async () => {
    project = await vault().project();
    machineId = await vault().approved(project);
  });
  const adopted = async (intervalMs: number | null) => {
    const secretId = await vault().managedSecret(project, { intervalMs });
    await vault().grant(secretId, machineId, 'read', 'rotate');
    const daemon = new Daemon(vault(), machineId, secretId);
    await daemon.adopt();
    await daemon.rotate();
    return { secretId, daemon };
  };
  /** Rotates once: from now on the version before drains. */
  const draining = async ({ secretId, daemon }: { readonly secretId: string; readonly daemon: Daemon }) => {
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
    const work = await daemon.claim();
    await daemon.confirm(work);
    return work;
  };
  /** As published clients read. */
  const readBy = async (reader: string, secretId: string) =>
    expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(reader), secretId, instance: null, pool: null }));
  const due = () => vault().storage.requestDueRotations({ now: vault().now, limit: 10, mayBegin: () => true, seal: sealFor });
  const managed = async (secretId: string) =>
    expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId })).managed;

  test('a rotation begins when its interval has passed, once', async () => {
    const { secretId } = await adopted(10_000);
    vault().now += 9_999;
    expect(await due()).toBe(0);
    expect(await vault().storage.nextDueAt({ now: vault().now })).toBe(vault().now + 1);
    vault().now += 1;

    expect(await due()).toBe(1);
    expect(await due()).toBe(0);
    expect(await managed(secretId)).toMatchObject({ phase: 'pending', nextRotationAt: vault().now + 10_000 });
  });

  test('a login that nobody took on is never rotated unasked', async () => {
    await vault().managedSecret(project, { intervalMs: 10_000 });
    vault().now += 20_000;

    expect(await due()).toBe(0);
    expect(await vault().storage.nextDueAt({ now: vault().now })).toBeNull();
  });

  test('a published agent that asked counts as having taken it on', async () => {
    const secretId = await vault().managedSecret(project, { intervalMs: 10_000 });
    await vault().grant(secretId, machineId, 'rotate');
    const input = { caller: vault().machine(machineId), secretId, reofferAfterMs: 180_000 };
    expectDone(await vault().storage.publishedConfiguration(input));
    vault().now += 10_000;

    expect(await due()).toBe(1);
  });

  test('what is due while one drains begins after that one has ended', async () => {
    const { secretId, daemon } = await adopted(10_000);
    const work = await draining({ secretId, daemon });
    vault().now += 20_000;

    expect(await due()).toBe(0);
    await daemon.retired(work);
    expect(await due()).toBe(1);
  });

  test('a limited tick begins no more than its limit', async () => {
    for (let count = 0; count < 3; count += 1) await adopted(10_000);
    vault().now += 10_000;

    expect(await vault().storage.requestDueRotations({ now: vault().now, limit: 2, mayBegin: () => true, seal: sealFor })).toBe(2);
    expect(await due()).toBe(1);
  });

  test('a secret whose value cannot be sealed keeps none of the others waiting, and is due again in a minute', async () => {
    const damaged = await adopted(10_000);
    const healthy = await adopted(10_000);
    vault().now += 10_000;
    let attempts = 0;
    const seal: typeof sealFor = (version) => {
      if (version.secretId !== damaged.secretId) return sealFor(version);
      attempts += 1;
      throw new Error('the project key is damaged');
    };
    const begin = () => vault().storage.requestDueRotations({ now: vault().now, limit: 1, mayBegin: () => true, seal });

    expect(await begin()).toBe(0);
    expect(await begin()).toBe(1);
    expect(await managed(healthy.secretId)).toMatchObject({ phase: 'pending' });
    expect(await managed(damaged.secretId)).toMatchObject({ phase: 'none', nextRotationAt: vault().now + 60_000 });
    vault().now += 59_999;
    await begin();
    expect(attempts).toBe(1);
    vault().now += 1;
    await begin();
    expect(attempts).toBe(2);
    expect(await due()).toBe(0);
    vault().now += 60_000;
    expect(await due()).toBe(1);
  });

  test('what may not begin yet keeps its plan, and keeps what may from nothing', async () => {
    const first = await adopted(10_000);
    vault().now += 5_000;
    const second = await adopted(10_000);
    vault().now += 10_000;
    const seen: unknown[] = [];
    const mayBegin = (due: DueRotation): boolean => {
      seen.push(due);
      return due.secretId === second.secretId;
    };

    expect(await vault().storage.requestDueRotations({ now: vault().now, limit: 1, mayBegin, seal: sealFor })).toBe(1);

    expect(seen[0]).toEqual({ secretId: first.secretId, dueAt: vault().now - 5_000, intervalMs: 10_000 });
    expect(await managed(first.secretId)).toMatchObject({ phase: 'none', nextRotationAt: vault().now - 5_000 });
    expect((await managed(second.secretId))?.phase).toBe('pending');
  });

  test('a drain whose deadline passed is announced once', async () => {
    const { secretId, daemon } = await adopted(null);
    await readBy(machineId, secretId);
    await draining({ secretId, daemon });

    expect(await vault().lives(59_999)).toBe(0);
    expect(await vault().lives(1)).toBe(1);
    expect(await vault().lives(0)).toBe(0);
  });

  test('a claim whose lease ended is freed and its work offered again', async () => {
    const { secretId, daemon } = await adopted(null);
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
    const work = await daemon.claim();
    const cursor = await vault().storage.eventCursor();
    vault().now += 30_000;

    expect(await vault().storage.expireClaims({ now: vault().now, limit: 10 })).toBe(1);
    expect(await vault().storage.expireClaims({ now: vault().now, limit: 10 })).toBe(0);

    const page = await vault().storage.eventsAfter({ machineId, cursor, limit: 10 });
    expect(page).toMatchObject({ events: [{ kind: 'rotation-offered', rotationId: work.rotationId }] });
    expect((await managed(secretId))?.phase).toBe('pending');
    expect(await daemon.confirm(work)).toBe('promoted');
  });

  test('after a silence every drain that is not over lasts again for its own deadline, or for less where that is said', async () => {
    const { secretId, daemon } = await adopted(null);
    await readBy(machineId, secretId);
    const work = await draining({ secretId, daemon });
    const extend = (atMostMs: number) => vault().storage.extendDrains({ now: vault().now, atMostMs });
    await vault().lives(59_999);

    expect(await extend(20_000)).toBe(1);
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', deadlineInMs: 20_000 });
    expect(await extend(900_000)).toBe(1);
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', deadlineInMs: 60_000 });
    expect(await extend(900_000)).toBe(0);
    expect(await vault().lives(60_000)).toBe(1);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
    expect(await extend(900_000)).toBe(0);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('however many silences there are, a drain ends when the vault was heard for twice its deadline', async () => {
    const { secretId, daemon } = await adopted(null);
    await readBy(machineId, secretId);
    const work = await draining({ secretId, daemon });
    const silence = () => vault().storage.extendDrains({ now: vault().now, atMostMs: 900_000 });
    for (let heardMs = 0; heardMs < 119_000; heardMs += 1_000) {
      await vault().lives(1_000);
      await silence();
      expect((await daemon.drain(work)).state).toBe('draining');
    }

    expect(await vault().lives(1_000)).toBe(1);
    expect(await silence()).toBe(0);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('a published client that cannot be heard holds what it read for as long as that lasts, and nothing else', async () => {
    const { secretId, daemon } = await adopted(null);
    const other = await adopted(null);
    await readBy(machineId, secretId);
    const elsewhere = await vault().approved(project);
    await vault().grant(other.secretId, elsewhere, 'read');
    await readBy(elsewhere, other.secretId);
    const work = await draining({ secretId, daemon });
    const otherWork = await draining(other);
    const refused = () => vault().storage.extendDrainsHeldBy({ machineId, signedAt: vault().now + 400_000, now: vault().now });

    let extended = 0;
    for (let round = 0; round < 50; round += 1) {
      await vault().lives(10_000);
      extended += await refused();
    }
    expect((await daemon.drain(work)).state).toBe('draining');
    expect(await other.daemon.drain(otherWork)).toEqual({ state: 'deadline-passed' });
    expect(extended).toBeGreaterThan(40);
    await vault().lives(60_000);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
    expect(await refused()).toBe(0);
  });

  test('a machine that was disabled, or that an operator said retire now to, holds nothing by being refused', async () => {
    const { secretId, daemon } = await adopted(null);
    const reading = await vault().approved(project);
    await vault().grant(secretId, reading, 'read');
    await readBy(reading, secretId);
    await draining({ secretId, daemon });
    await vault().lives(50_000);
    const refused = () => {
      vault().now += 1;
      return vault().storage.extendDrainsHeldBy({ machineId: reading, signedAt: vault().now + 400_000, now: vault().now });
    };
    const setState = async (state: 'disabled' | 'approved') =>
      expectDone(await vault().storage.setMachineState({ caller: vault().operator(), machineId: reading, state, fingerprint: null }));

    await setState('disabled');
    expect(await refused()).toBe(0);
    await setState('approved');
    expect(await refused()).toBe(1);
    await vault().lives(50_000);
    expectDone(await vault().storage.retireNow({ caller: vault().operator(), secretId }));
    expect(await refused()).toBe(0);
  });

  test('an operator who said retire now is obeyed after a silence too', async () => {
    const { secretId, daemon } = await adopted(null);
    await draining({ secretId, daemon });
    expectDone(await vault().storage.retireNow({ caller: vault().operator(), secretId }));

    expect(await vault().storage.extendDrains({ now: vault().now + 60_000, atMostMs: 900_000 })).toBe(0);
  });

  test('a lease that a clock ahead of its time wrote is over', async () => {
    const { secretId, daemon } = await adopted(null);
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
    vault().now += 3_600_000;
    await daemon.claim();
    vault().now -= 3_600_000;

    expect((await new Daemon(vault(), machineId, secretId, 'daemon-2').tryClaim()).outcome).toBe('claimed');
    vault().now += 3_600_000;
    await daemon.claim();
    vault().now -= 3_600_000;
    expect(await vault().storage.expireClaims({ now: vault().now, limit: 10 })).toBe(1);
  });

  test('nonces are forgotten after the longest time that a signature can live, and within a minute of it', async () => {
    const caller = vault().machine(machineId);
    expect(await vault().storage.useNonce(caller)).toBe('fresh');

    await vault().storage.prune({ now: vault().now + 660_000, limit: 1000, keepEventsMs: 86_400_000 });
    expect(await vault().storage.useNonce(caller)).toBe('replay');
    await vault().storage.prune({ now: vault().now + 720_001, limit: 1000, keepEventsMs: 86_400_000 });
    expect(await vault().storage.useNonce(caller)).toBe('time-forgotten');
  });

  test('retired and quarantined values stay until the backup horizon has passed, and live ones for ever', async () => {
    const { secretId } = await adopted(null);
    const prune = () => vault().storage.prune({ now: vault().now, limit: 1000, keepEventsMs: 86_400_000 });
    const forgotten = async () => (await vault().audited()).filter((action) => action === 'version.forget').length;
    await vault().lives(3_599_999);
    await prune();
    expect(await forgotten()).toBe(0);
    await vault().lives(1);
    await prune();

    expect(await forgotten()).toBe(1);
    const reader = { secretId, instance: null, pool: null };
    expect(expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), ...reader })).version).toBe(2);
    expect(expectDone(await vault().storage.listVersions({ caller: vault().operator(), secretId }))).toHaveLength(2);
  });

  const forgottenOf = async (secretId: string) => {
    await vault().storage.prune({ now: vault().now, limit: 1000, keepEventsMs: 86_400_000 });
    const entries = expectDone(await vault().storage.auditEntries({ caller: vault().operator(), before: null, limit: 200, secretId }));
    return entries.filter(({ action }) => action === 'version.forget').length;
  };

  test('what a published agent rejected may be the password in the database, and stays until a later version is live', async () => {
    const secretId = await vault().managedSecret(project);
    await vault().grant(secretId, machineId, 'rotate');
    const by = () => ({ caller: vault().machine(machineId), secretId });
    const request = async () => expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
    const ask = async () => expectDone(await vault().storage.publishedConfiguration({ ...by(), reofferAfterMs: 180_000 }));
    await ask();
    const rotationId = (await request()).rotationId;
    await ask();
    expectDone(await vault().storage.publishedReject({ ...by(), rotationId, seal: sealFor }));
    await vault().lives(2 * 3_600_000);

    expect(await forgottenOf(secretId)).toBe(0);
    await ask();
    await request();
    const daemon = new Daemon(vault(), machineId, secretId);
    await daemon.confirm(await daemon.claim());
    await vault().lives(3_599_999);
    expect(await forgottenOf(secretId)).toBe(0);
    await vault().lives(1);
    expect(await forgottenOf(secretId)).toBe(2);
  });

  test('the values of a deleted secret are forgotten after its backup horizon, those of an ordinary one after 30 days', async () => {
    const managedId = (await adopted(null)).secretId;
    const plainId = await vault().plainSecret(project);
    expectDone(await vault().storage.deleteSecret({ caller: vault().operator(), secretId: managedId }));
    expectDone(await vault().storage.deleteSecret({ caller: vault().operator(), secretId: plainId }));
    await vault().lives(3_599_999);
    expect(await forgottenOf(managedId)).toBe(0);
    await vault().lives(1);

    expect(await forgottenOf(managedId)).toBe(2);
    await vault().lives(30 * 86_400_000 - 3_600_001);
    expect(await forgottenOf(plainId)).toBe(0);
    await vault().lives(1);
    expect(await forgottenOf(plainId)).toBe(1);
  });

  test('an operator who was refused leaves the schedule as it is', async () => {
    const { secretId } = await adopted(10_000);
    const caller = { ...vault().operator(), id: 'op_nobody' };

    expectRefused(await vault().storage.setSchedule({ caller, secretId, intervalMs: 1, drainDeadlineMs: null }), 'unknown-caller');
    expect((await managed(secretId))?.intervalMs).toBe(10_000);
  });
}
