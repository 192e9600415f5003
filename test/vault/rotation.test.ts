/** The life of a rotation at the vault: adoption, claim, epochs, confirm, drain, retirement. */
import { machineRoutes } from '@sikkerkey/protocol/vault/machine.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Identity, Refusal } from '../support/signed-request.ts';
import { ManagedStage } from './managed-stage.ts';

const stage = new ManagedStage();
const { operate, call, claim, adopted, readAs } = stage;
let daemon: Identity;
let otherDaemon: Identity;
let reader: Identity;
let secretId: string;

beforeAll(async () => {
  ({ daemon, otherDaemon, reader } = await stage.open());
});
afterAll(() => stage.close());
beforeEach(async () => {
  secretId = await stage.newSecret();
});

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const refusal = await attempt.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(refusal instanceof Refusal)) throw new Error('it was not refused');
  const { error } = JSON.parse(refusal.answer.text) as { error: { code: string } };
  return `${refusal.answer.status} ${error.code}`;
}

describe('adoption', () => {
  test('keeps the login as it is until the first rotation onto slot a is confirmed', async () => {
    const { rotationId } = await call(daemon, 'adopt', { secretId, strategy: 'flip', owner: 'app' });

    const before = await readAs('one');
    expect(JSON.parse(before.value)).toMatchObject({ username: 'app', password: 'the first password' });

    const work = await claim();
    expect(work).toMatchObject({
      rotationId,
      phase: 'pending',
      strategy: 'flip',
      versions: { live: { slot: 'owner' }, pending: { slot: 'a' } },
    });
    expect(work.credentials.map(({ label, username }) => [label, username]).sort()).toEqual([
      ['current', 'app'],
      ['pending', 'app_a'],
    ]);
    const pending = work.credentials.find(({ label }) => label === 'pending');
    expect(pending?.password).toMatch(/^[A-Za-z0-9_.~-]{32}$/);

    expect(await call(daemon, 'confirm', { secretId, rotationId, epoch: work.epoch })).toEqual({ outcome: 'promoted' });
    const after = await readAs('one');
    expect(after.version).toBe(before.version + 1);
    expect(JSON.parse(after.value)).toMatchObject({ username: 'app_a', password: pending?.password, host: 'db.example', port: '5432' });
  });

  test('is refused under another owner than the login, and a second time', async () => {
    expect(await codeOf(call(daemon, 'adopt', { secretId, strategy: 'flip', owner: 'postgres' }))).toBe('409 owner-mismatch');
    await adopted();
    expect(await codeOf(call(daemon, 'adopt', { secretId, strategy: 'flip', owner: 'app' }))).toBe('409 already-adopted');
  });

  test('keeps the first password until the deadline or a word of the operator: the vault knows not all who use it', async () => {
    await call(daemon, 'adopt', { secretId, strategy: 'flip', owner: 'app' });
    const { rotationId, epoch } = await claim();
    await call(daemon, 'confirm', { secretId, rotationId, epoch });

    expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toMatchObject({
      state: 'draining',
      holdOuts: [{ kind: 'unnamed-reader', machineName: 'applications not yet using the vault', instance: null }],
    });
    const { broken } = await operate('retireNow', { secretId });

    expect(broken).toMatchObject([{ machineName: 'applications not yet using the vault' }]);
    expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toEqual({ state: 'deadline-passed' });
  });

  test('ends with a rotation back onto the owner, unless something is in flight', async () => {
    await adopted();
    await operate('rotate', { secretId });
    expect(await codeOf(call(daemon, 'unadopt', { secretId }))).toBe('409 waiting-for-drain');
    const rotation = await claim();
    await call(daemon, 'confirm', { secretId, rotationId: rotation.rotationId, epoch: rotation.epoch });
    await call(daemon, 'retired', { secretId, rotationId: rotation.rotationId, epoch: rotation.epoch });

    const { rotationId } = await call(daemon, 'unadopt', { secretId });
    const back = await claim();

    expect(back).toMatchObject({ rotationId, versions: { pending: { slot: 'owner' } } });
  });
});

describe('the look for drift', () => {
  test('brings the configuration and the live password of a secret at rest, and takes no claim', async () => {
    await adopted();
    const { rotations: before } = await operate('listRotations', { secretId });

    const answer = machineRoutes.look.answer.parse(await call(daemon, 'look', { secretId }));

    expect(answer.configuration).toMatchObject({ secretId, adopted: true, adminUser: 'postgres', adminPassword: 'the administrator' });
    expect(answer.standing).toMatchObject({ live: { version: 2, slot: 'a' }, credentials: [{ label: 'current', username: 'app_a' }] });
    expect((await operate('listRotations', { secretId })).rotations).toEqual(before);
    expect(await call(otherDaemon, 'claim', { secretId, daemonId: 'd_2', purpose: 'repair' })).toMatchObject({ outcome: 'claimed' });
    expect((await call(daemon, 'look', { secretId })).standing).toBeNull();
  });

  test('is only for machines that may rotate the secret', async () => {
    await adopted();

    expect(await codeOf(call(reader, 'look', { secretId }))).toBe('403 access-denied');
  });
});

describe('a rotation', () => {
  test('is one at a time: asking again names the same one', async () => {
    await adopted();

    const first = await operate('rotate', { secretId });
    const second = await operate('rotate', { secretId });
    const third = await call(daemon, 'requestRotation', { secretId });

    expect(first.state).toBe('pending');
    expect(second.rotationId).toBe(first.rotationId);
    expect(third.rotationId).toBe(first.rotationId);
  });

  test('asked for while a version drains waits, and is offered when that one is retired', async () => {
    await adopted();
    await operate('rotate', { secretId });
    const { rotationId, epoch } = await claim();
    await readAs('one');
    await call(daemon, 'confirm', { secretId, rotationId, epoch });

    const waiting = await operate('rotate', { secretId });
    expect(waiting.state).toBe('waiting-for-drain');

    const { version } = await readAs('one');
    await call(reader, 'acknowledge', { secretId, instance: 'one', pool: 'main', version });
    await call(daemon, 'retired', { secretId, rotationId, epoch });
    expect(await call(daemon, 'rotationState', { rotationId: waiting.rotationId })).toMatchObject({ state: 'pending' });
  });

  test('is worked on by one daemon at a time, and only the newest epoch counts', async () => {
    await adopted();
    await operate('rotate', { secretId });
    const { rotationId, epoch } = await claim();

    expect(await call(otherDaemon, 'claim', { secretId, daemonId: 'another', purpose: 'work' })).toMatchObject({ outcome: 'held' });
    const again = await claim();

    expect(again.epoch).toBeGreaterThan(epoch);
    expect(await call(daemon, 'renew', { secretId, epoch })).toMatchObject({ newest: false });
    expect(await call(daemon, 'renew', { secretId, epoch: again.epoch })).toMatchObject({ newest: true });
    expect(await call(daemon, 'confirm', { secretId, rotationId, epoch })).toEqual({ outcome: 'stale-epoch' });
    expect(await call(daemon, 'confirm', { secretId, rotationId, epoch: again.epoch })).toEqual({ outcome: 'promoted' });
    expect(await call(daemon, 'confirm', { secretId, rotationId, epoch: again.epoch })).toEqual({ outcome: 'promoted' });
  });

  test('that is rejected leaves the live value, and its own in quarantine', async () => {
    await adopted();
    const before = await readAs('one');
    await operate('rotate', { secretId });
    const { rotationId, epoch } = await claim();

    expect(await call(daemon, 'reject', { secretId, rotationId, epoch, errorCode: '42501' })).toEqual({ outcome: 'rejected' });
    expect(await call(daemon, 'reject', { secretId, rotationId, epoch, errorCode: '42501' })).toEqual({ outcome: 'rejected' });

    expect((await readAs('one')).version).toBe(before.version);
    const { versions } = await operate('listVersions', { secretId });
    expect(versions.filter(({ label }) => label === 'quarantined')).toHaveLength(1);
    expect((await operate('listRotations', { secretId })).rotations[0]).toMatchObject({
      rotationId,
      state: 'rejected',
      errorCode: '42501',
    });
  });

  test('drains until the reader that was served acknowledges, and names it meanwhile', async () => {
    await adopted();
    await operate('rotate', { secretId });
    await readAs('one');
    const { rotationId, epoch } = await claim();
    await call(daemon, 'confirm', { secretId, rotationId, epoch });

    const draining = await call(daemon, 'drain', { secretId, rotationId, epoch });
    expect(draining).toMatchObject({
      state: 'draining',
      holdOutCount: 1,
      holdOuts: [{ kind: 'reader', machineId: reader.id, instance: 'one' }],
    });

    const newest = await readAs('one');
    expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toMatchObject({ state: 'draining' });
    await call(reader, 'acknowledge', { secretId, instance: 'one', pool: 'main', version: newest.version });
    expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toEqual({ state: 'clear' });
    expect(await call(daemon, 'retired', { secretId, rotationId, epoch })).toEqual({ outcome: 'retired' });
    expect(await call(daemon, 'rotationState', { rotationId })).toMatchObject({ state: 'retired' });
  });

  test('is cleared at once by retire-now, which names whom it breaks', async () => {
    await adopted();
    await readAs('one');
    await operate('rotate', { secretId });
    const { rotationId, epoch } = await claim();
    await call(daemon, 'confirm', { secretId, rotationId, epoch });

    const answer = await operate('retireNow', { secretId });

    expect(answer).toMatchObject({ rotationId, broken: [{ machineId: reader.id, instance: 'one' }] });
    expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toEqual({ state: 'deadline-passed' });
  });
});

describe('the value of a managed secret', () => {
  test('is changed neither by an edit nor by a rollback', async () => {
    expect(await codeOf(operate('updateSecret', { secretId, value: 'x' }))).toBe('409 secret-is-managed');
    expect(await codeOf(operate('rollbackSecret', { secretId, version: 1 }))).toBe('409 secret-is-managed');
  });

  test('is not shown to a machine that may only rotate, and its slots not to one that may only read', async () => {
    expect(await codeOf(call(daemon, 'readSecret', { secretId, instance: 'i', pool: 'p' }))).toBe('403 access-denied');
    expect(await codeOf(call(reader, 'claim', { secretId, daemonId: 'd', purpose: 'work' }))).toBe('403 access-denied');
    expect(await codeOf(call(reader, 'agentConfiguration', { secretId }))).toBe('403 access-denied');
  });
});

test('a backup horizon of less than a day is refused', async () => {
  const login = { name: 'short', provider: 'postgresql', username: 'app', password: 'p', host: 'h', port: 5432, database: 'd' } as const;
  const create = operate('createManagedSecret', { projectId: stage.machines.projectId, ...login, backupHorizonMs: 86_399_999 });

  expect(await codeOf(create)).toMatch(/^400 /);
});

test('the configuration of an agent carries the administrator, for those who may rotate', async () => {
  const configuration = await call(daemon, 'agentConfiguration', { secretId });

  expect(configuration).toMatchObject({
    owner: 'app',
    adopted: false,
    host: 'db.example',
    adminUser: 'postgres',
    adminPassword: 'the administrator',
  });
});

test('heartbeats travel together and come back with what is to be done', async () => {
  await adopted();
  const { rotationId } = await operate('rotate', { secretId });
  const agents = [{ secretId, state: 'IDLE', rotationId: null, version: 2, errorCode: null }];

  const { work } = await call(daemon, 'heartbeat', { daemonId: 'd', agents });

  expect(work).toMatchObject([{ secretId, access: 'granted', phase: 'pending', rotationId }]);
  expect(await operate('showSecret', { secretId })).toMatchObject({ managed: { agentState: 'IDLE', phase: 'pending' } });
});
