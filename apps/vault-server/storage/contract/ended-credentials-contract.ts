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
