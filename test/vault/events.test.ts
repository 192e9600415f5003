/** What the vault says by itself about rotations: the event stream, and the rotations that a schedule makes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EventListener, listenToEvents } from '../support/event-listener.ts';
import type { Identity } from '../support/signed-request.ts';
import { approvedMachine } from '../support/vault-process.ts';
import { ManagedStage } from './managed-stage.ts';

const stage = new ManagedStage();
const { operate, call, claim, adopted, readAs } = stage;
let daemon: Identity;
let reader: Identity;
let secretId: string;

beforeAll(async () => {
  ({ daemon, reader } = await stage.open());
});
afterAll(() => stage.close());
beforeEach(async () => {
  secretId = await stage.newSecret();
});

const listen = (identity: Identity, cursor: string | null = null): Promise<EventListener> =>
  listenToEvents(stage.machines.vault.apiUrl, identity, cursor);

test('a schedule makes a rotation by itself', async () => {
  await adopted();
  const listener = await listen(daemon);
  await operate('setSchedule', { secretId, intervalMs: 1_000 });

  await listener.next((event) => event.kind === 'rotation-offered' && event.secretId === secretId);

  await operate('setSchedule', { secretId, intervalMs: null });
  listener.close();
});

describe('events', () => {
  const about = (listener: EventListener): string[] =>
    listener.heard.flatMap((e) => ('secretId' in e && e.secretId === secretId ? [e.kind] : []));

  test('tell daemon and readers each step, in order, without a value', async () => {
    await adopted();
    const forDaemon = await listen(daemon);
    const forReader = await listen(reader);
    await readAs('one');

    await operate('rotate', { secretId });
    await forDaemon.next((event) => event.kind === 'rotation-offered' && event.secretId === secretId);
    const { rotationId, epoch } = await claim();
    await call(daemon, 'confirm', { secretId, rotationId, epoch });
    await forReader.next((event) => event.kind === 'secret-changed' && event.secretId === secretId);
    const { version } = await readAs('one');
    await call(reader, 'acknowledge', { secretId, instance: 'one', pool: 'main', version });
    await forDaemon.next((event) => event.kind === 'drain-clear' && event.secretId === secretId);
    await call(daemon, 'retired', { secretId, rotationId, epoch });
    await forDaemon.next((event) => event.kind === 'rotation-ended' && event.secretId === secretId);

    expect(about(forDaemon)).toEqual(expect.arrayContaining(['rotation-offered', 'drain-clear', 'rotation-ended']));
    expect(about(forReader)).not.toContain('rotation-offered');
    forDaemon.close();
    forReader.close();
  });

  test('missed while away are told after coming back with the cursor', async () => {
    await adopted();
    const first = await listen(daemon);
    const { cursor } = await first.next((event) => event.kind === 'hello');
    first.close();
    const { rotationId } = await operate('rotate', { secretId });

    const second = await listen(daemon, cursor);

    expect(await second.next((event) => event.kind === 'rotation-offered' && event.secretId === secretId)).toMatchObject({ rotationId });
    second.close();
  });

  test('with a cursor that nobody knows begin with a reset', async () => {
    const listener = await listen(daemon, 'of-another-vault');

    expect((await listener.next(() => true)).kind).toBe('reset');
    listener.close();
  });

  test('end when the machine is disabled, which is then refused', async () => {
    const one = await approvedMachine(stage.machines.vault, [stage.machines.projectId]);
    const listener = await listen(one);

    await operate('disableMachine', { machineId: one.id });

    await listener.ended;
    await expect(listen(one)).rejects.toThrow('403');
  });
});
