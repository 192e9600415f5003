/** Rotation as published agents know it: sync-config, aliases, confirm and reject without an epoch (wire-runtime §8). */
import { beforeEach, describe, expect, test } from 'vitest';
import { publishedPresenceMs } from '../../managed/rules.ts';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor, textOf } from './fixture.ts';

const reofferAfterMs = 180_000;

export function publishedContract(vault: CurrentVault): void {
  let project: string;
  let machineId: string;
  let secretId: string;
  beforeEach(async () => {
    ({ project, machineId, secretId } = await vault().servedSecret());
    await configuration();
  });
  const configuration = async (by = machineId) =>
    expectDone(await vault().storage.publishedConfiguration({ caller: vault().machine(by), secretId, reofferAfterMs }));
  const confirm = (rotationId: string) =>
    vault().storage.publishedConfirm({ caller: vault().machine(machineId), secretId, rotationId, seal: sealFor });
  const reject = (rotationId: string) =>
    vault().storage.publishedReject({ caller: vault().machine(machineId), secretId, rotationId, seal: sealFor });
  const request = async () =>
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor })).rotationId;
  const liveVersion = async () => expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId })).version;

  test('a pending value is offered for the login that is there, and confirmed', async () => {
    expect((await configuration()).pending).toBeNull();
    const rotationId = await request();

    const offered = (await configuration()).pending;
    expect(offered?.rotationId).toBe(rotationId);
    expect(textOf(offered?.sealed ?? new Uint8Array())).toBe(`${secretId}/v2/app`);
    expectDone(await confirm(rotationId));
    expectDone(await confirm(rotationId));

    expect(await liveVersion()).toBe(2);
    expect((await configuration()).pending).toBeNull();
    expectRefused(await reject(rotationId), 'rotation-over');
  });

  test('what is not answered for minutes comes again under an alias, and either id confirms it', async () => {
    const rotationId = await request();
    await configuration();
    vault().now += reofferAfterMs - 1;
    expect((await configuration()).pending?.rotationId).toBe(rotationId);
    vault().now += 1;

    const alias = (await configuration()).pending?.rotationId ?? '';
    expect(alias).not.toBe(rotationId);
    expect((await configuration()).pending?.rotationId).toBe(alias);
    vault().now += reofferAfterMs;
    expect((await configuration()).pending?.rotationId).not.toBe(alias);
    expectDone(await confirm(alias));
    expectDone(await confirm(rotationId));

    expect(await liveVersion()).toBe(2);
  });

  test('a rejected value is quarantined; repeats are answered alike, a confirm is refused', async () => {
    const rotationId = await request();
    await configuration();
    expectDone(await reject(rotationId));
    expectDone(await reject(rotationId));

    expectRefused(await confirm(rotationId), 'rotation-over');
    const versions = expectDone(await vault().storage.listVersions({ caller: vault().operator(), secretId }));
    expect(versions.map((version) => version.label)).toEqual(['quarantined', 'current']);
  });

  test('an id that was never offered changes nothing', async () => {
    expectRefused(await confirm('rot_unknown'), 'rotation-over');
    const rotationId = await request();
    expectRefused(await confirm(rotationId), 'rotation-over');
    expect(await liveVersion()).toBe(1);
  });

  test('a second published agent gets no pending value while the first is at work', async () => {
    const second = await vault().approved(project);
    await vault().grant(secretId, second, 'rotate');
    await request();
    await configuration();

    expect((await configuration(second)).pending).toBeNull();
    vault().now += 60_000;
    expect((await configuration(second)).pending).not.toBeNull();
  });

  test('a daemon is held off while a published agent is at work, and afterwards the value is its own', async () => {
    const daemon = new Daemon(vault(), machineId, secretId);
    const rotationId = await request();
    await configuration();

    expect((await daemon.tryClaim()).outcome).toBe('held');
    vault().now += 60_000;
    const work = await daemon.claim();

    expect(work.rotationId).toBe(rotationId);
    expect((await configuration()).pending).toBeNull();
    expectRefused(await confirm(rotationId), 'served-by-daemon');
    vault().now += 31_000;
    expect((await configuration()).pending).toBeNull();
    expect(await daemon.confirm(work)).toBe('promoted');
  });

  test('a secret with slots is not served to published agents', async () => {
    await new Daemon(vault(), machineId, secretId).adopt();

    const input = { caller: vault().machine(machineId), secretId, reofferAfterMs };
    expectRefused(await vault().storage.publishedConfiguration(input), 'served-by-daemon');
  });

  describe('a login that nobody took on', () => {
    const ask = () => vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor });
    const due = () => vault().storage.requestDueRotations({ now: vault().now, limit: 10, mayBegin: () => true, seal: sealFor });
    const nextDueAt = () => vault().storage.nextDueAt({ now: vault().now });
    const schedule = async () =>
      expectDone(await vault().storage.setSchedule({ caller: vault().operator(), secretId, intervalMs: 10_000, drainDeadlineMs: null }));

    test('is one whose published agent has been silent for a quarter of an hour, and the refusal says whose and since when', async () => {
      await schedule();
      const heardAt = vault().now;
      const plannedAt = heardAt + 10_000;
      vault().now += publishedPresenceMs - 1;
      expect(await nextDueAt()).toBe(plannedAt);
      vault().now += 1;

      expect(await ask()).toEqual({ kind: 'refused', reason: 'published-agent-silent', machineId, seenAt: heardAt });
      expect(await due()).toBe(0);
      expect(await nextDueAt()).toBeNull();

      await configuration();
      expect(await nextDueAt()).toBe(plannedAt);
      expect(await due()).toBe(1);
    });

    test('is one that an agent will have looked at, by a clock since put back', async () => {
      await schedule();
      vault().now += 3_600_000;
      await configuration();
      vault().now -= 3_590_000;

      expectRefused(await ask(), 'published-agent-silent');
      expect(await due()).toBe(0);
      expect(await nextDueAt()).toBeNull();
    });

    test('is one that was adopted and given back, although an agent had looked at it a moment before', async () => {
      const daemon = new Daemon(vault(), machineId, secretId);
      await schedule();
      await daemon.adopt();
      await daemon.confirm(await daemon.claim());
      await vault().lives(60_000);
      await daemon.retired(await daemon.claim());
      vault().now += 31_000;
      const by = { caller: vault().machine(machineId), secretId };
      expectDone(await vault().storage.unadopt({ ...by, seal: sealFor }));
      const work = await daemon.claim();
      await daemon.confirm(work);
      await daemon.retired(work);
      vault().now += 60_000;

      expectRefused(await ask(), 'not-adopted');
      expect(await due()).toBe(0);
      expect(await nextDueAt()).toBeNull();
    });

    test('is one whose adoption was rejected, until its agent asks again', async () => {
      const daemon = new Daemon(vault(), machineId, secretId);
      await daemon.adopt();
      await daemon.reject(await daemon.claim());

      expectRefused(await ask(), 'not-adopted');
      await configuration();
      expectDone(await ask());
    });
  });

  test('a heartbeat is what operators see, and does not clear the error of a rotation', async () => {
    const rotationId = await request();
    await configuration();
    expectDone(await reject(rotationId));

    expectDone(await vault().storage.publishedHeartbeat({ caller: vault().machine(machineId), secretId, healthy: true }));

    const shown = expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId }));
    expect(shown.managed).toMatchObject({ agentState: 'IDLE', agentSeenAt: vault().now, errorCode: 'rejected-by-agent' });
  });

  test('each configuration handed out is audited once', async () => {
    await request();

    expect(await vault().entriesOf(() => configuration())).toBe(1);
    expect((await vault().audited()).at(-1)).toBe('rotation.offer');
  });
}
