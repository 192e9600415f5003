/** The machine plane: who is served what, and what a read leaves behind. */
import { beforeEach, expect, test } from 'vitest';
import { type CurrentVault, expectDone, expectRefused, sealFor, textOf } from './fixture.ts';

export function readsContract(vault: CurrentVault): void {
  let project: string;
  let machineId: string;
  beforeEach(async () => {
    project = await vault().project();
    machineId = await vault().approved(project);
  });
  const read = (secretId: string) =>
    vault().storage.readLiveSecret({ caller: vault().machine(machineId), secretId, instance: null, pool: null });
  const update = (secretId: string) =>
    vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: null, seal: sealFor });

  test('a granted secret is served with its version and what opens it', async () => {
    const secretId = await vault().plainSecret(project, 'token');
    await vault().grant(secretId, machineId, 'read');

    const served = expectDone(await read(secretId));

    expect(served).toMatchObject({ secretId, projectId: project, name: 'token', kind: 'plain', version: 1, fieldNames: null });
    expect(textOf(served.sealed)).toBe(`${secretId}/v1/value`);
    expect(textOf(served.wrappedProjectKey)).toBe(`key of ${project}`);
  });

  test('inside the project without a grant is no-grant, outside and unknown are not-found', async () => {
    const inside = await vault().plainSecret(project);
    const outside = await vault().plainSecret(await vault().project());

    expectRefused(await read(inside), 'no-grant');
    expectRefused(await read(outside), 'not-found');
    expectRefused(await read('sk_none'), 'not-found');
  });

  test('the caller is judged before the secret, whether there is such a secret or not', async () => {
    const pending = await vault().enrolled(project);
    const granted = await vault().plainSecret(project);
    await vault().grant(granted, machineId, 'read');
    const { storage } = vault();
    const unnamed = { instance: null, pool: null };

    for (const secretId of [granted, 'sk_none']) {
      const caller = vault().machine(machineId);
      await storage.readLiveSecret({ caller, secretId, ...unnamed });
      const asked = await vault().entriesOf(async () => {
        expectRefused(await storage.readLiveSecret({ caller, secretId, ...unnamed }), 'replay');
        expectRefused(await storage.readLiveSecret({ caller: vault().machine(pending), secretId, ...unnamed }), 'machine-pending');
        expectRefused(await storage.readLiveSecret({ caller: vault().machine('nobody'), secretId, ...unnamed }), 'unknown-caller');
      });
      expect(asked).toBe(0);
    }
  });

  test('a refused read has used its nonce', async () => {
    const caller = vault().machine(await vault().enrolled(project));

    expectRefused(await vault().storage.readLiveSecret({ caller, secretId: 'sk_none', instance: null, pool: null }), 'machine-pending');

    expect(await vault().storage.useNonce(caller)).toBe('replay');
  });

  test('the permission to rotate does not serve values', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'rotate');

    expectRefused(await read(secretId), 'no-grant');
  });

  test('a read leaves one audit entry, a refused one too, an unknown secret none', async () => {
    const granted = await vault().plainSecret(project);
    const denied = await vault().plainSecret(project);
    await vault().grant(granted, machineId, 'read');

    expect(await vault().entriesOf(() => read(granted))).toBe(1);
    expect(await vault().entriesOf(() => read(denied))).toBe(1);
    expect(await vault().entriesOf(() => read('sk_none'))).toBe(0);
  });

  test('an export serves every secret that may be read, with an entry for each', async () => {
    const first = await vault().plainSecret(project);
    const second = await vault().plainSecret(project);
    const rotateOnly = await vault().plainSecret(project);
    await vault().grant(first, machineId, 'read');
    await vault().grant(second, machineId, 'read');
    await vault().grant(rotateOnly, machineId, 'rotate');
    let exported: string[] = [];

    const entries = await vault().entriesOf(async () => {
      const served = expectDone(await vault().storage.exportSecrets({ caller: vault().machine(machineId), projectId: null }));
      exported = served.map((secret) => secret.secretId);
    });

    expect(exported.toSorted()).toEqual([first, second].toSorted());
    expect(entries).toBe(2);
  });

  test('a list names permissions, and a project of others is not found', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'rotate');
    const list = (projectId: string | null) => vault().storage.listForMachine({ caller: vault().machine(machineId), projectId });

    expect(expectDone(await list(null))).toMatchObject([{ secretId, mayRead: false, mayRotate: true }]);
    expect(expectDone(await list(project))).toHaveLength(1);
    expectRefused(await list(await vault().project()), 'not-found');
  });

  test('a poll tells a change until it is fetched', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    const poll = async () => expectDone(await vault().storage.pollChanges({ caller: vault().machine(machineId), secretIds: [secretId] }));

    expectDone(await read(secretId));
    expect(await poll()).toEqual([]);
    expectDone(await update(secretId));
    expect(await poll()).toEqual([{ secretId, status: 'changed' }]);
    expect(await poll()).toEqual([{ secretId, status: 'changed' }]);
    expectDone(await read(secretId));
    expect(await poll()).toEqual([]);
  });

  test('a secret never fetched counts from its first poll on', async () => {
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    const poll = async () => expectDone(await vault().storage.pollChanges({ caller: vault().machine(machineId), secretIds: [secretId] }));

    expect(await poll()).toEqual([]);
    expectDone(await update(secretId));
    expect(await poll()).toEqual([{ secretId, status: 'changed' }]);
  });

  test('a poll tells lost access and deletion apart', async () => {
    const kept = await vault().plainSecret(project);
    const deleted = await vault().plainSecret(project);
    for (const secretId of [kept, deleted]) await vault().grant(secretId, machineId, 'read');
    expectDone(await vault().storage.revoke({ caller: vault().operator(), secretId: kept, machineId, permission: 'read' }));
    expectDone(await vault().storage.deleteSecret({ caller: vault().operator(), secretId: deleted }));
    const secretIds = [kept, deleted, 'sk_none'];

    expect(expectDone(await vault().storage.pollChanges({ caller: vault().machine(machineId), secretIds }))).toEqual([
      { secretId: kept, status: 'access_denied' },
      { secretId: deleted, status: 'deleted' },
      { secretId: 'sk_none', status: 'deleted' },
    ]);
    expect(expectDone(await vault().storage.pollVersions({ caller: vault().machine(machineId), secretIds }))).toEqual([
      { secretId: kept, status: 'denied', version: null },
      { secretId: deleted, status: 'deleted', version: null },
      { secretId: 'sk_none', status: 'deleted', version: null },
    ]);
  });
}
