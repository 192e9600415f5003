/** Projects, secrets, versions, grants as operators keep them. */
import { expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, resealFor, sealFor, textOf } from './fixture.ts';

export function secretsContract(vault: CurrentVault): void {
  test('names are unique within their place and free again after deletion', async () => {
    const project = await vault().project();
    const wrapKey = (): Uint8Array => Buffer.from('key');
    const secretId = await vault().plainSecret(project, 'token');
    const again = { projectId: project, name: 'token', fieldNames: null, seal: sealFor };

    expectRefused(await vault().storage.createSecret({ caller: vault().operator(), ...again }), 'name-taken');
    expectRefused(await vault().storage.createProject({ caller: vault().operator(), name: 'project 1', wrapKey }), 'name-taken');
    expectDone(await vault().storage.deleteSecret({ caller: vault().operator(), secretId }));
    expect(expectDone(await vault().storage.createSecret({ caller: vault().operator(), ...again })).name).toBe('token');
  });

  test('a secret in a project that does not exist is refused', async () => {
    const input = { caller: vault().operator(), projectId: 'proj_none', name: 'x', fieldNames: null, seal: sealFor };
    expectRefused(await vault().storage.createSecret(input), 'not-found');
  });

  test('an update makes a new current version and keeps the old one', async () => {
    const secretId = await vault().plainSecret(await vault().project());

    const updated = expectDone(
      await vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: ['user'], seal: sealFor }),
    );

    expect(updated).toMatchObject({ version: 2, kind: 'structured', fieldNames: ['user'] });
    const versions = expectDone(await vault().storage.listVersions({ caller: vault().operator(), secretId }));
    expect(versions.map(({ version, label }) => ({ version, label }))).toEqual([
      { version: 2, label: 'current' },
      { version: 1, label: 'superseded' },
    ]);
  });

  test('a rollback makes a new version sealed from the old one, with its fields', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    expectDone(await vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: ['user'], seal: sealFor }));

    const rolledBack = expectDone(
      await vault().storage.rollbackSecret({ caller: vault().operator(), secretId, version: 1, reseal: resealFor }),
    );
    const reader = { secretId, instance: null, pool: null };
    const served = expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), ...reader }));

    expect(rolledBack).toMatchObject({ version: 3, kind: 'plain', fieldNames: null });
    expect(textOf(served.sealed)).toBe(`${secretId}/v3/from v1`);
  });

  test('a rollback to a version that never was is refused', async () => {
    const secretId = await vault().plainSecret(await vault().project());
    const input = { caller: vault().operator(), secretId, version: 9, reseal: resealFor };
    expectRefused(await vault().storage.rollbackSecret(input), 'version-unavailable');
  });

  test('the value of a managed secret is neither edited nor rolled back', async () => {
    const secretId = await vault().managedSecret(await vault().project());
    const caller = () => vault().operator();

    expectRefused(await vault().storage.updateSecret({ caller: caller(), secretId, fieldNames: null, seal: sealFor }), 'managed-secret');
    expectRefused(await vault().storage.rollbackSecret({ caller: caller(), secretId, version: 1, reseal: resealFor }), 'managed-secret');
  });

  test('a managed secret begins with its owner, in place, not adopted', async () => {
    const secretId = await vault().managedSecret(await vault().project(), { intervalMs: 5000 });

    const shown = expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId }));

    expect(shown.managed).toMatchObject({
      strategy: 'single',
      owner: 'app',
      adopted: false,
      phase: 'none',
      nextRotationAt: vault().now + 5000,
    });
  });

  test('only managed secrets have a schedule', async () => {
    const project = await vault().project();
    const plain = await vault().plainSecret(project);
    const managed = await vault().managedSecret(project);
    const schedule = { intervalMs: 7000, drainDeadlineMs: 9000 };

    expectRefused(await vault().storage.setSchedule({ caller: vault().operator(), secretId: plain, ...schedule }), 'not-managed');
    const shown = expectDone(await vault().storage.setSchedule({ caller: vault().operator(), secretId: managed, ...schedule }));

    expect(shown.managed).toMatchObject({ intervalMs: 7000, drainDeadlineMs: 9000, nextRotationAt: vault().now + 7000 });
  });

  test('a deleted secret is gone for everyone, and its grants with it', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    expectDone(await vault().storage.deleteSecret({ caller: vault().operator(), secretId }));
    const reader = { secretId, instance: null, pool: null };

    expectRefused(await vault().storage.showSecret({ caller: vault().operator(), secretId }), 'not-found');
    expectRefused(await vault().storage.listGrants({ caller: vault().operator(), secretId }), 'not-found');
    expectRefused(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), ...reader }), 'not-found');
  });

  test('a managed secret with a rotation in flight is not deleted', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const secretId = await vault().managedSecret(project);
    await vault().grant(secretId, machineId, 'rotate');
    await new Daemon(vault(), machineId, secretId).adopt();

    expectRefused(await vault().storage.deleteSecret({ caller: vault().operator(), secretId }), 'waiting-for-drain');
  });

  test('a grant needs a member of the project, and leaves with the membership', async () => {
    const project = await vault().project();
    const secretId = await vault().plainSecret(project);
    const machineId = await vault().approved();
    const grant = { secretId, machineId, permission: 'read' as const };

    expect(await vault().storage.grant({ caller: vault().operator(), ...grant })).toEqual({
      kind: 'refused',
      reason: 'not-a-member',
      projectId: project,
    });
    expectDone(await vault().storage.attachMachine({ caller: vault().operator(), projectId: project, machineId }));
    expectDone(await vault().storage.grant({ caller: vault().operator(), ...grant }));
    expect(expectDone(await vault().storage.listGrants({ caller: vault().operator(), secretId }))).toHaveLength(1);
    expectDone(await vault().storage.detachMachine({ caller: vault().operator(), projectId: project, machineId }));

    expect(expectDone(await vault().storage.listGrants({ caller: vault().operator(), secretId }))).toEqual([]);
    expectRefused(await vault().storage.revoke({ caller: vault().operator(), ...grant }), 'not-found');
  });

  test('every mutation leaves exactly one audit entry', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const secretId = await vault().plainSecret(project);
    const grant = { secretId, machineId, permission: 'read' as const };
    const update = { secretId, fieldNames: null, seal: sealFor };
    const { storage } = vault();
    const caller = () => vault().operator();
    const mutations: Record<string, () => Promise<unknown>> = {
      grant: () => storage.grant({ caller: caller(), ...grant }),
      revoke: () => storage.revoke({ caller: caller(), ...grant }),
      update: () => storage.updateSecret({ caller: caller(), ...update }),
      rollback: () => storage.rollbackSecret({ caller: caller(), secretId, version: 1, reseal: resealFor }),
      disable: () => storage.setMachineState({ caller: caller(), machineId, state: 'disabled', fingerprint: null }),
      delete: () => storage.deleteSecret({ caller: caller(), secretId }),
    };

    const counts = new Map<string, number>();
    for (const [name, mutate] of Object.entries(mutations)) counts.set(name, await vault().entriesOf(mutate));

    expect(counts).toEqual(new Map(Object.keys(mutations).map((name) => [name, 1])));
  });

  test('looking leaves no audit entry', async () => {
    const secretId = await vault().plainSecret(await vault().project());

    const entries = await vault().entriesOf(() => vault().storage.showSecret({ caller: vault().operator(), secretId }));

    expect(entries).toBe(0);
  });

  test('the audit log is paged backwards and can be asked about one secret', async () => {
    const project = await vault().project();
    const secretId = await vault().plainSecret(project);
    await vault().plainSecret(project);
    const page = (before: number | null, of: string | null) =>
      vault().storage.auditEntries({ caller: vault().operator(), before, limit: 2, secretId: of });

    const newest = expectDone(await page(null, null));
    const older = expectDone(await page(newest.at(-1)?.sequence ?? 0, null));

    expect(newest.map((entry) => entry.action)).toEqual(['secret.create', 'secret.create']);
    expect(older.map((entry) => entry.action)).toEqual(['project.create', 'vault.initialise']);
    expect(expectDone(await page(null, secretId)).map((entry) => entry.subject)).toEqual([secretId]);
  });
}
