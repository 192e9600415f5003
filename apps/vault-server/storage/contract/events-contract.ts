/** Events: facts in commit order, for those who may know them. */
import { beforeEach, expect, test } from 'vitest';
import type { StoredEvent } from '../records.ts';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, sealFor } from './fixture.ts';

export function eventsContract(vault: CurrentVault): void {
  let project: string;
  let machineId: string;
  let start: string;
  beforeEach(async () => {
    project = await vault().project();
    machineId = await vault().approved(project);
    start = await vault().storage.eventCursor();
  });
  const eventsOf = async (reader: string, cursor: string, limit = 100): Promise<readonly StoredEvent[]> => {
    const page = await vault().storage.eventsAfter({ machineId: reader, cursor, limit });
    if (page.kind !== 'events') throw new Error(page.kind);
    return page.events;
  };
  const kinds = async (reader: string, cursor: string) => (await eventsOf(reader, cursor)).map((event) => event.kind);
  const update = async (secretId: string) =>
    expectDone(await vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: null, seal: sealFor }));

  test('a reader sees changes of what it may read, and nothing else', async () => {
    const mine = await vault().plainSecret(project);
    const other = await vault().plainSecret(project);
    await vault().grant(mine, machineId, 'read');
    const cursor = await vault().storage.eventCursor();
    await update(mine);
    await update(other);

    expect(await eventsOf(machineId, cursor)).toMatchObject([{ kind: 'secret-changed', secretId: mine, version: 2 }]);
  });

  test('the cursor goes on after events that were for others', async () => {
    const other = await vault().plainSecret(project);
    await update(other);

    const page = await vault().storage.eventsAfter({ machineId, cursor: start, limit: 100 });

    expect(page).toEqual({ kind: 'events', events: [], cursor: await vault().storage.eventCursor(), more: false });
  });

  test('a limited page says that there is more, and the next one goes on', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    for (let count = 0; count < 3; count += 1) await update(secretId);

    const first = await vault().storage.eventsAfter({ machineId, cursor: start, limit: 2 });
    const second = await vault().storage.eventsAfter({ machineId, cursor: first.kind === 'events' ? first.cursor : '', limit: 10 });

    expect(first).toMatchObject({ more: true, events: [{ kind: 'access-granted' }, { version: 2 }] });
    expect(second).toMatchObject({ more: false, events: [{ version: 3 }, { version: 4 }] });
  });

  test('granting and revoking, detaching and deleting are told to the machine concerned', async () => {
    const [revoked, detached, deleted] = [
      await vault().plainSecret(project),
      await vault().plainSecret(project),
      await vault().plainSecret(project),
    ];
    for (const secretId of [revoked, detached, deleted]) await vault().grant(secretId, machineId, 'read');
    expectDone(await vault().storage.revoke({ caller: vault().operator(), secretId: revoked, machineId, permission: 'read' }));
    expectDone(await vault().storage.deleteSecret({ caller: vault().operator(), secretId: deleted }));
    expectDone(await vault().storage.detachMachine({ caller: vault().operator(), projectId: project, machineId }));

    expect((await eventsOf(machineId, start)).slice(3)).toMatchObject([
      { kind: 'access-lost', secretId: revoked },
      { kind: 'secret-deleted', secretId: deleted },
      { kind: 'access-lost', secretId: detached },
    ]);
    expect(await kinds(await vault().approved(project), start)).toEqual([]);
  });

  test('what was granted when it happened is not told to one who has lost it since', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    await update(secretId);
    expectDone(await vault().storage.revoke({ caller: vault().operator(), secretId, machineId, permission: 'read' }));

    expect(await kinds(machineId, start)).toEqual(['access-granted', 'access-lost']);
  });

  test('a rotation is told step by step to its agents, and to readers only what changes for them', async () => {
    const secretId = await vault().managedSecret(project);
    const reader = await vault().approved(project);
    await vault().grant(secretId, machineId, 'rotate');
    await vault().grant(secretId, reader, 'read');
    const daemon = new Daemon(vault(), machineId, secretId);
    await daemon.adopt();
    await daemon.rotate();
    const cursor = await vault().storage.eventCursor();
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
    await daemon.rotate();

    expect(await kinds(machineId, cursor)).toEqual(['rotation-offered', 'secret-changed', 'drain-clear', 'rotation-ended']);
    expect(await kinds(reader, cursor)).toEqual(['secret-changed']);
  });

  test('the last hold that goes is told once', async () => {
    const secretId = await vault().managedSecret(project);
    await vault().grant(secretId, machineId, 'read', 'rotate');
    const daemon = new Daemon(vault(), machineId, secretId);
    const reader = (instance: string) => ({ caller: vault().machine(machineId), secretId, instance, pool: 'pool' });
    await daemon.adopt();
    for (const instance of ['i1', 'i2']) expectDone(await vault().storage.readLiveSecret(reader(instance)));
    await daemon.confirm(await daemon.claim());
    const cursor = await vault().storage.eventCursor();

    expectDone(await vault().storage.acknowledge({ ...reader('i1'), version: 2 }));
    expect(await kinds(machineId, cursor)).toEqual([]);
    expectDone(await vault().storage.acknowledge({ ...reader('i2'), version: 2 }));
    expectDone(await vault().storage.acknowledge({ ...reader('i2'), version: 2 }));
    await vault().lives(60_000);

    expect(await kinds(machineId, cursor)).toEqual(['drain-clear']);
  });

  test('a machine that may not listen is told to stop', async () => {
    expectDone(await vault().storage.setMachineState({ caller: vault().operator(), machineId, state: 'disabled', fingerprint: null }));

    expect(await vault().storage.eventsAfter({ machineId, cursor: start, limit: 10 })).toEqual({ kind: 'stopped', state: 'disabled' });
    expect(await vault().storage.eventsAfter({ machineId: 'nobody', cursor: start, limit: 10 })).toEqual({
      kind: 'stopped',
      state: 'unknown',
    });
  });

  test.each(['', 'nonsense', 'stream_other.0', '.5', 'x.y.z'])('the cursor %j is answered with a reset', async (cursor) => {
    const page = await vault().storage.eventsAfter({ machineId, cursor, limit: 10 });

    expect(page).toEqual({ kind: 'reset', cursor: await vault().storage.eventCursor() });
  });

  test('a cursor ahead of the store, or behind what is kept, is answered with a reset', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    await update(secretId);
    const newest = await vault().storage.eventCursor();
    const ahead = newest.replace(/\.(\d+)$/, (_, position: string) => `.${Number(position) + 1}`);

    expect((await vault().storage.eventsAfter({ machineId, cursor: ahead, limit: 10 })).kind).toBe('reset');
    await vault().storage.prune({ now: vault().now + 1001, limit: 100, keepEventsMs: 1000 });
    expect((await vault().storage.eventsAfter({ machineId, cursor: start, limit: 10 })).kind).toBe('reset');
    expect(await vault().storage.eventsAfter({ machineId, cursor: newest, limit: 10 })).toMatchObject({ kind: 'events', events: [] });
  });

  test('positions go on after a restart', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    await vault().restart();
    await update(secretId);

    expect(await kinds(machineId, start)).toEqual(['access-granted', 'secret-changed']);
  });
}
