/** Giving up: an adoption that has not gone live is told from others, and a database that is gone for good is let go. */
import { beforeEach, expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor } from './fixture.ts';

export function abandonmentContract(vault: CurrentVault): void {
  let machineId: string;
  let secretId: string;
  let daemon: Daemon;
  beforeEach(async () => {
    ({ machineId, secretId } = await vault().servedSecret());
    daemon = new Daemon(vault(), machineId, secretId);
  });
  const by = () => ({ caller: vault().machine(machineId), secretId });
  const configuration = async () => expectDone(await vault().storage.agentConfiguration(by()));
  const abandon = (daemonId = 'daemon-1') => vault().storage.abandon({ ...by(), daemonId, reason: 'burnt down' });
  const labels = async () =>
    expectDone(await vault().storage.listVersions({ caller: vault().operator(), secretId })).map(({ version, label }) => [version, label]);
  const remove = () => vault().storage.deleteSecret({ caller: vault().operator(), secretId });

  test('the rotation of an adoption is named until its version is live', async () => {
    expect((await configuration()).adoptionRotationId).toBeNull();
    const rotationId = await daemon.adopt();
    expect((await configuration()).adoptionRotationId).toBe(rotationId);

    const work = await daemon.claim();
    await daemon.confirm(work);

    expect((await configuration()).adoptionRotationId).toBeNull();
  });

  test('a claim tells the audit log what a person said', async () => {
    await daemon.adopt();
    expectDone(await vault().storage.claim({ ...by(), daemonId: 'daemon-1', purpose: 'repair', word: 'recreate-slots' }));

    const input = { caller: vault().operator(), before: null, limit: 1, secretId };
    const [entry] = expectDone(await vault().storage.auditEntries(input));
    expect(entry).toMatchObject({ action: 'rotation.claim', detail: 'epoch 1 pending recreate-slots' });
  });

  test('an abandoned adoption ends, keeps both values sealed, names both logins, and lets the secret be deleted', async () => {
    await daemon.adopt();
    const work = await daemon.claim();
    expectRefused(await remove(), 'waiting-for-drain');

    const left = expectDone(await abandon());

    expect(left).toEqual([
      { login: 'app', version: 1, label: 'current' },
      { login: 'app_a', version: 2, label: 'quarantined' },
      { login: 'app_b', version: null, label: 'none' },
    ]);
    expect(await labels()).toEqual([
      [2, 'quarantined'],
      [1, 'current'],
    ]);
    expect(await configuration()).toMatchObject({ adopted: false, strategy: 'single', nextRotationAt: null });
    expect(await daemon.confirm(work)).toBe('stale-epoch');
    expect((await daemon.renew(work.epoch)).newest).toBe(false);
    expectDone(await remove());
  });

  test('asked again it answers the same, and is audited again', async () => {
    await daemon.adopt();
    const first = expectDone(await abandon());

    expect(expectDone(await abandon())).toEqual(first);
    expect((await vault().audited()).filter((action) => action === 'secret.abandon')).toHaveLength(2);
  });

  test('a drain that is abandoned leaves the version before in quarantine, and what waited does not begin', async () => {
    await daemon.adopt();
    await daemon.rotate();
    expectDone(await vault().storage.requestRotation({ ...by(), seal: sealFor }));
    await daemon.confirm(await daemon.claim());
    expectDone(await vault().storage.requestRotation({ ...by(), seal: sealFor }));

    const left = expectDone(await abandon());

    expect(left).toEqual([
      { login: 'app_a', version: 2, label: 'quarantined' },
      { login: 'app_b', version: 3, label: 'current' },
      { login: 'app', version: null, label: 'none' },
    ]);
    expect(await daemon.tryClaim()).toEqual({ outcome: 'nothing' });
    expectDone(await remove());
  });

  test('another daemon that holds the claim stands in the way', async () => {
    await daemon.adopt();
    await daemon.claim();

    expectRefused(await abandon('daemon-2'), 'waiting-for-drain');
    expect((await configuration()).adopted).toBe(true);
  });

  test('what was abandoned is kept until a later version is confirmed', async () => {
    await daemon.adopt();
    expectDone(await abandon());
    await vault().lives(400 * 86_400_000);
    await vault().storage.prune({ now: vault().now, limit: 100, keepEventsMs: 1_000 });

    expect(expectDone(await abandon()).map(({ version }) => version)).toEqual([1, 2, null]);
  });
}
