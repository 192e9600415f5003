/** Which passwords that have ended a claim brings: those by which a restored backup is recognised, and only where one is looked for. */
import { beforeEach, expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, sealFor } from './fixture.ts';

export function endedCredentialsContract(vault: CurrentVault): void {
  let secretId: string;
  let daemon: Daemon;
  beforeEach(async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    secretId = await vault().managedSecret(project);
    await vault().grant(secretId, machineId, 'read', 'rotate');
    daemon = new Daemon(vault(), machineId, secretId);
  });
  const request = async () => expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));

  test('a claim brings what the live login carried before, so that a restored backup is recognised', async () => {
    await daemon.adopt();
    await daemon.rotate();
    for (const _ of ['onto b', 'onto a again']) {
      await request();
      await daemon.rotate();
    }

    const work = await daemon.claim('repair');

    expect(work.versions.live).toEqual({ version: 4, slot: 'a' });
    expect(work.credentials.map(({ version, slot, label }) => [version, slot, label])).toEqual([
      [4, 'a', 'current'],
      [2, 'a', 'retired'],
    ]);
  });

  test('a look for drift brings them without a claim, and leaves one audit entry', async () => {
    await daemon.adopt();
    await daemon.rotate();
    for (const _ of ['onto b', 'onto a again']) {
      await request();
      const work = await daemon.rotate();
      expect(work.versions.pending).not.toBeNull();
    }
    const { epoch } = await daemon.claim('repair');
    await daemon.release(epoch);
    const before = await vault().audited();

    const { standing, configuration } = await daemon.look();

    expect(standing?.live).toEqual({ version: 4, slot: 'a' });
    expect(standing?.credentials.map(({ version, label, username }) => [version, label, username])).toEqual([
      [4, 'current', 'app_a'],
      [2, 'retired', 'app_a'],
    ]);
    expect(configuration).toMatchObject({ adopted: true, liveVersion: 4 });
    expect((await vault().audited()).slice(before.length)).toEqual(['rotation.look']);
    expect((await daemon.claim('repair')).epoch).toBe(epoch + 1);
  });

  test('a look without a claim brings no password unless the secret is adopted and at rest', async () => {
    const standing = async () => (await daemon.look()).standing;
    expect(await standing()).toBeNull();
    await daemon.adopt();
    expect(await standing()).toBeNull();
    const work = await daemon.claim();
    expect(await standing()).toBeNull();
    await daemon.confirm(work);
    expect(await standing()).toBeNull();
    await daemon.retired(work);
    expect(await standing()).not.toBeNull();

    const repair = await daemon.claim('repair');

    expect(await standing()).toBeNull();
    await daemon.release(repair.epoch);
    expect(await standing()).not.toBeNull();
    await request();
    expect(await standing()).toBeNull();
  });

  test('the everyday claim brings no password that has ended; taking over a drain does', async () => {
    await daemon.adopt();
    await daemon.rotate();
    for (const _ of ['onto b', 'onto a again']) {
      await request();
      await daemon.rotate();
    }
    await request();
    const labelsOf = (work: { credentials: readonly { label: string }[] }) => work.credentials.map(({ label }) => label);

    const work = await daemon.claim();

    expect(labelsOf(work)).toEqual(['current', 'pending']);
    await daemon.confirm(work);
    expect(labelsOf(await daemon.claim())).toEqual(['previous', 'current', 'retired']);
  });
}
