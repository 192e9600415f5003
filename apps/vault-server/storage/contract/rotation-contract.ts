/** Rotation under /v2: adoption, slots, claims with epochs, drain with holds, the ends. */
import { beforeEach, expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor, textOf } from './fixture.ts';

export function rotationContract(vault: CurrentVault): void {
  let project: string;
  let machineId: string;
  let secretId: string;
  let daemon: Daemon;
  beforeEach(async () => {
    ({ project, machineId, secretId } = await vault().servedSecret());
    daemon = new Daemon(vault(), machineId, secretId);
  });
  const request = async () => expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
  const show = async () => expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId }));
  const read = async (instance: string | null) => {
    const pool = instance === null ? null : 'pool';
    return expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), secretId, instance, pool }));
  };
  const describeRotation = async (rotationId: string) =>
    expectDone(await vault().storage.describeRotation({ caller: vault().machine(machineId), rotationId }));
  const labels = async () => {
    const versions = expectDone(await vault().storage.listVersions({ caller: vault().operator(), secretId }));
    return versions.toReversed().map(({ label, slot }) => `${label} ${slot}`);
  };

  test('adoption stores the strategy and asks for the first rotation onto slot a', async () => {
    const rotationId = await daemon.adopt();

    const work = await daemon.claim();

    expect(work).toMatchObject({ rotationId, epoch: 1, strategy: 'flip', phase: 'pending' });
    expect(work.versions).toEqual({ live: { version: 1, slot: 'owner' }, pending: { version: 2, slot: 'a' }, previous: null });
    expect(work.credentials.map((one) => [one.version, one.username, one.label])).toEqual([
      [1, 'app', 'current'],
      [2, 'app_a', 'pending'],
    ]);
    expect(textOf(work.credentials[1]?.sealed ?? new Uint8Array())).toBe(`${secretId}/v2/app_a`);
    expect((await show()).managed).toMatchObject({ adopted: true, strategy: 'flip', phase: 'claimed', rotationId });
  });

  test('an adoption asked for again answers with the same rotation while it is under way, and is refused afterwards', async () => {
    const rotationId = await daemon.adopt();

    expect(await daemon.adopt()).toBe(rotationId);
    await daemon.rotate();

    const again = { caller: vault().machine(machineId), secretId, strategy: 'flip' as const, owner: 'app', seal: sealFor };
    expectRefused(await vault().storage.adopt(again), 'already-adopted');
  });

  test('adoption of another login, and while something is in flight, is refused', async () => {
    const adopt = (owner: string) =>
      vault().storage.adopt({ caller: vault().machine(machineId), secretId, strategy: 'flip', owner, seal: sealFor });

    expectRefused(await adopt('other'), 'owner-mismatch');
    const published = { caller: vault().machine(machineId), secretId, reofferAfterMs: 180_000 };
    expectDone(await vault().storage.publishedConfiguration(published));
    await request();
    expectRefused(await adopt('app'), 'waiting-for-drain');
  });

  test('the slots take turns: owner, a, b, a', async () => {
    await daemon.adopt();
    await daemon.rotate();
    await request();
    await daemon.rotate();
    await request();
    await daemon.rotate();

    expect(await labels()).toEqual(['retired owner', 'retired a', 'retired b', 'current a']);
  });

  test('a login that was only written down is not rotated, whoever asks, and keeps its version', async () => {
    const asked = { secretId, seal: sealFor };

    expectRefused(await vault().storage.requestRotation({ ...asked, caller: vault().operator() }), 'not-adopted');
    expectRefused(await vault().storage.requestRotation({ ...asked, caller: vault().machine(machineId) }), 'not-adopted');

    expect(await labels()).toEqual(['current owner']);
    expect((await show()).managed?.phase).toBe('none');
    expect(await daemon.tryClaim()).toEqual({ outcome: 'nothing' });
  });

  test('a login that was un-adopted is not rotated in place either', async () => {
    await daemon.adopt();
    await daemon.rotate();
    expectDone(await vault().storage.unadopt({ caller: vault().machine(machineId), secretId, seal: sealFor }));
    await daemon.rotate();

    expectRefused(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }), 'not-adopted');
  });

  test('a rotation asked for while one is pending is that rotation', async () => {
    await daemon.adopt('single');
    await daemon.confirm(await daemon.claim());
    const first = await request();

    expect(await request()).toEqual(first);
    expect(first.state).toBe('pending');
  });

  test('a rotation asked for while one drains waits, once, and begins when that one is retired', async () => {
    await daemon.adopt();
    const work = await daemon.claim();
    await daemon.confirm(work);

    const waiting = await request();
    expect(waiting.state).toBe('waiting-for-drain');
    expect(await request()).toEqual(waiting);
    expect(await describeRotation(waiting.rotationId)).toMatchObject({ state: 'waiting-for-drain', version: 3 });
    expect(await daemon.retired(work)).toBe('retired');

    expect(await describeRotation(waiting.rotationId)).toMatchObject({ state: 'pending', version: 3 });
    expect((await daemon.claim()).versions.pending).toEqual({ version: 3, slot: 'b' });
  });

  test('readers get the live value until promotion, and the new one from then on', async () => {
    await daemon.adopt();
    const work = await daemon.claim();

    expect((await read('i1')).version).toBe(1);
    await daemon.confirm(work);

    expect((await read('i1')).version).toBe(2);
    expect(await labels()).toEqual(['previous owner', 'current a']);
  });

  test('a second daemon is held off while the lease lives, and takes over with a higher epoch after it', async () => {
    await daemon.adopt();
    const second = new Daemon(vault(), await vault().approved(project), secretId, 'daemon-2');
    await vault().grant(secretId, second.machineId, 'rotate');
    const work = await daemon.claim();

    expect(await second.tryClaim()).toEqual({ outcome: 'held', retryInMs: 30_000 });
    vault().now += 30_000;
    const taken = await second.claim();

    expect(taken.epoch).toBe(work.epoch + 1);
    expect(await daemon.confirm(work)).toBe('stale-epoch');
    expect(await daemon.renew(work.epoch)).toMatchObject({ newest: false });
    expect(await second.confirm(taken)).toBe('promoted');
  });

  test('who reports a rotation that this vault has forgotten, under an epoch that has passed, is told that it is over', async () => {
    await daemon.adopt();
    const { epoch } = await daemon.claim();
    await daemon.claim();
    const forgotten = { ...(await daemon.claim()), rotationId: 'rot_forgotten', epoch };

    expect(await daemon.confirm(forgotten)).toBe('stale-epoch');
    expect(await daemon.reject(forgotten)).toBe('over');
    expect(await daemon.retired(forgotten)).toBe('over');
  });

  test('a daemon that was granted more than this vault knows gets nothing, counts nothing, and is told so', async () => {
    await daemon.adopt();
    const work = await daemon.claim();

    expect(await daemon.tryClaim('repair', { knownEpoch: work.epoch + 2 })).toEqual({ outcome: 'behind' });
    expect(await daemon.tryClaim('work', { knownEpoch: work.epoch + 1 })).toEqual({ outcome: 'behind' });
    expect(await daemon.renew(work.epoch + 2)).toMatchObject({ newest: false, newestEpoch: work.epoch });

    const known = await daemon.tryClaim('work', { knownEpoch: work.epoch });
    expect(known).toMatchObject({ outcome: 'claimed', work: { epoch: work.epoch + 1 } });
    const accepted = await daemon.tryClaim('repair', { knownEpoch: 50, aboveEpoch: 50 });
    expect(accepted).toMatchObject({ outcome: 'claimed', work: { epoch: 51 } });
  });

  test('renewing keeps the claim, and so does watching the drain', async () => {
    await daemon.adopt();
    const second = new Daemon(vault(), machineId, secretId, 'daemon-2');
    const work = await daemon.claim();
    vault().now += 29_000;
    expect(await daemon.renew(work.epoch)).toEqual({ newest: true, newestEpoch: work.epoch, leaseMs: 30_000 });
    vault().now += 29_000;

    expect((await second.tryClaim()).outcome).toBe('held');
    await daemon.confirm(work);
    await read(null);
    vault().now += 29_000;
    await daemon.drain(work);
    vault().now += 29_000;

    expect((await second.tryClaim()).outcome).toBe('held');
  });

  test('the same daemon claims anew after a restart, with a higher epoch', async () => {
    await daemon.adopt();
    const before = await daemon.claim();

    const after = await daemon.claim();

    expect(after.epoch).toBe(before.epoch + 1);
    expect(await daemon.reject(before)).toBe('over');
  });

  test('the epoch rises for ever, not for each rotation', async () => {
    await daemon.adopt();
    const first = await daemon.rotate();
    await request();

    expect((await daemon.claim()).epoch).toBe(first.epoch + 1);
  });

  test('confirm, reject and retired are idempotent', async () => {
    await daemon.adopt();
    const work = await daemon.claim();

    expect([await daemon.confirm(work), await daemon.confirm(work)]).toEqual(['promoted', 'promoted']);
    expect(await daemon.reject(work)).toBe('over');
    expect([await daemon.retired(work), await daemon.retired(work)]).toEqual(['retired', 'retired']);
    expect(await daemon.confirm(work)).toBe('promoted');
    await request();
    const next = await daemon.claim();
    expect([await daemon.reject(next), await daemon.reject(next)]).toEqual(['rejected', 'rejected']);
    expect(await daemon.confirm(next)).toBe('rejected');
  });

  test('a repeated confirm leaves no second audit entry', async () => {
    await daemon.adopt();
    const work = await daemon.claim();

    expect(await vault().entriesOf(() => daemon.confirm(work))).toBe(1);
    expect(await vault().entriesOf(() => daemon.confirm(work))).toBe(0);
  });

  test('a rejected value is quarantined, never current, and the next rotation goes to the idle slot', async () => {
    await daemon.adopt();
    await daemon.rotate();
    await request();
    await daemon.reject(await daemon.claim());
    await request();

    expect(await labels()).toEqual(['retired owner', 'current a', 'quarantined b', 'pending b']);
    expect((await read('i1')).version).toBe(2);
    expect((await show()).managed?.errorCode).toBe('verify-failed');
  });

  test('an adoption whose first rotation is rejected is undone', async () => {
    await daemon.adopt();
    await daemon.reject(await daemon.claim());

    expect((await show()).managed).toMatchObject({ adopted: false, strategy: 'single', phase: 'none' });
    await daemon.adopt();
  });

  test('in place, promotion ends the rotation: the old version is retired at once and the claim is over', async () => {
    await daemon.adopt('single');
    await read('i1');
    const work = await daemon.claim();
    expect(work.strategy).toBe('single');

    expect(await daemon.confirm(work)).toBe('promoted');

    expect(await labels()).toEqual(['retired owner', 'current owner']);
    expect(await daemon.drain(work)).toEqual({ state: 'over' });
    expect((await describeRotation(work.rotationId ?? '')).state).toBe('retired');
    expect((await show()).managed?.phase).toBe('none');
    expect(await daemon.tryClaim()).toEqual({ outcome: 'nothing' });
  });

  test('a claim for a repair outside a rotation has the live version only, and is released', async () => {
    await daemon.adopt();
    await daemon.rotate();
    const second = new Daemon(vault(), machineId, secretId, 'daemon-2');

    const work = await daemon.claim('repair');

    expect(work).toMatchObject({ rotationId: null, phase: 'steady', versions: { live: { version: 2, slot: 'a' }, pending: null } });
    expect(work.credentials).toHaveLength(1);
    expect((await second.tryClaim('repair')).outcome).toBe('held');
    expectDone(await vault().storage.releaseClaim({ caller: vault().machine(machineId), secretId, epoch: work.epoch }));
    expect((await second.tryClaim('repair')).outcome).toBe('claimed');
  });

  test('a claim while draining has live and previous', async () => {
    await daemon.adopt();
    await daemon.confirm(await daemon.claim());

    const work = await daemon.claim();

    expect(work.phase).toBe('promoted');
    expect(work.versions).toEqual({ live: { version: 2, slot: 'a' }, pending: null, previous: { version: 1, slot: 'owner' } });
    expect(work.credentials.map((one) => one.label)).toEqual(['previous', 'current']);
  });

  test('un-adoption is refused unless nothing is pending, draining or claimed, and then goes back to the owner', async () => {
    const unadopt = () => vault().storage.unadopt({ caller: vault().machine(machineId), secretId, seal: sealFor });
    expectRefused(await unadopt(), 'not-adopted');
    await daemon.adopt();
    expectRefused(await unadopt(), 'waiting-for-drain');
    const work = await daemon.claim();
    await daemon.confirm(work);
    expectRefused(await unadopt(), 'waiting-for-drain');
    await daemon.retired(work);
    const repair = await daemon.claim('repair');
    expectRefused(await unadopt(), 'waiting-for-drain');
    expectDone(await vault().storage.releaseClaim({ caller: vault().machine(machineId), secretId, epoch: repair.epoch }));

    const { rotationId } = expectDone(await unadopt());
    expect(expectDone(await unadopt()).rotationId).toBe(rotationId);
    const back = await daemon.claim();
    expect(back.versions.pending).toEqual({ version: 3, slot: 'owner' });
    expect(back.credentials.at(-1)?.username).toBe('app');
    await daemon.confirm(back);
    expect(await request()).toMatchObject({ rotationId, state: 'waiting-for-drain', waitsFor: { holdOuts: [] } });
    await daemon.retired(back);

    expect((await show()).managed).toMatchObject({ adopted: false, strategy: 'single', phase: 'none' });
  });

  test('without the permission to rotate there is no claim, no configuration, no request', async () => {
    const reader = await vault().approved(project);
    await vault().grant(secretId, reader, 'read');
    const by = () => ({ caller: vault().machine(reader), secretId });

    expectRefused(await vault().storage.claim({ ...by(), daemonId: 'd', purpose: 'work' }), 'no-grant');
    expectRefused(await vault().storage.agentConfiguration(by()), 'no-grant');
    expectRefused(await vault().storage.requestRotation({ ...by(), seal: sealFor }), 'no-grant');
    const plain = await vault().plainSecret(project);
    await vault().grant(plain, machineId, 'rotate');
    expectRefused(await vault().storage.agentConfiguration({ caller: vault().machine(machineId), secretId: plain }), 'not-managed');
  });

  test('the configuration gives the sealed administrator, audited', async () => {
    let sealed = '';
    const entries = await vault().entriesOf(async () => {
      const found = expectDone(await vault().storage.agentConfiguration({ caller: vault().machine(machineId), secretId }));
      sealed = textOf(found.sealedAdminPassword ?? new Uint8Array());
      expect(found).toMatchObject({ host: 'db.internal', port: 5432, owner: 'app', adminUser: 'postgres', liveVersion: 1 });
    });

    expect(sealed).toBe(`${secretId}/administrator`);
    expect(entries).toBe(1);
  });
}
