/** A wall clock that is wrong: it ends nothing early, forgets nothing early, and lets no request in twice. */
import { beforeEach, expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor } from './fixture.ts';

const dayMs = 86_400_000;

export function clockContract(vault: CurrentVault): void {
  let machineId: string;
  let secretId: string;
  let daemon: Daemon;
  beforeEach(async () => {
    ({ machineId, secretId } = await vault().servedSecret());
    daemon = new Daemon(vault(), machineId, secretId);
    await daemon.adopt();
    await daemon.rotate();
  });
  const by = () => ({ caller: vault().machine(machineId), secretId });
  const request = async () => expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
  const read = async (heldForMs?: number) => {
    const commandLine = heldForMs === undefined ? undefined : { heldForMs };
    expectDone(await vault().storage.readLiveSecret({ ...by(), instance: 'i1', pool: 'pool', commandLine }));
  };
  /** Version 2 drains, and the process that read it holds on; 60 s. */
  const draining = async (heldForMs?: number) => {
    await read(heldForMs);
    await request();
    const work = await daemon.claim();
    await daemon.confirm(work);
    return work;
  };
  const prune = (limit = 1000) => vault().storage.prune({ now: vault().now, limit, keepEventsMs: dayMs });
  const useNonce = (nonce: string) => vault().storage.useNonce({ ...vault().machine(machineId), nonce });

  test('a clock that jumps two days ahead ends no drain, whoever asks first, and not at the next tick either', async () => {
    const work = await draining();
    await vault().lives(1_000);
    vault().now += 2 * dayMs;

    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOutCount: 1 });
    const agents = [{ secretId, state: 'DRAINING', rotationId: work.rotationId, version: 3, errorCode: null }];
    const beat = { caller: vault().machine(machineId), daemonId: 'daemon-1', agents };
    expect(expectDone(await vault().storage.heartbeat(beat))[0]?.phase).toBe('promoted');
    expect(await vault().storage.growOlder({ now: vault().now, elapsedMs: 1_000, limit: 10 })).toBe(0);
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', deadlineInMs: 58_000 });
  });

  test('a clock that jumps ahead ends no hold of a command line', async () => {
    const work = await draining(10_000);
    vault().now += 2 * dayMs;

    expect(await vault().storage.growOlder({ now: vault().now, elapsedMs: 1_000, limit: 10 })).toBe(0);
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOuts: [{ kind: 'command-line' }] });
  });

  test('time that the process did not measure is not counted, whatever the clock says', async () => {
    const work = await draining();
    for (let tick = 0; tick < 10; tick += 1) {
      vault().now += 60_000;
      await vault().storage.growOlder({ now: vault().now, elapsedMs: 2_000, limit: 10 });
    }

    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', deadlineInMs: 40_000 });
  });

  test('a drain that begins between two ticks is not charged with what was before it', async () => {
    await vault().growOlder();
    vault().now += 20_000;
    const work = await draining();
    expect(await daemon.drain(work)).toMatchObject({ deadlineInMs: 60_000 });

    expect(await vault().lives(59_999)).toBe(0);
    expect((await daemon.drain(work)).state).toBe('draining');
    expect(await vault().lives(1)).toBe(1);
  });

  test('a clock put back between two ticks makes no drain shorter', async () => {
    await vault().growOlder();
    vault().now += 20_000;
    vault().now -= 500_000;
    const work = await draining();

    await vault().storage.growOlder({ now: vault().now, elapsedMs: 20_000, limit: 10 });

    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', deadlineInMs: 60_000 });
  });

  test('the time of a stop is not counted, and what was counted before it is kept', async () => {
    const work = await draining();
    await vault().lives(30_000);
    await vault().restart();
    vault().now += 10 * dayMs;
    await vault().storage.extendDrains({ now: vault().now, atMostMs: 20_000 });

    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', deadlineInMs: 30_000 });
  });

  test('a drain that nobody holds any more still ends at its deadline, for sessions that hold it up', async () => {
    const work = await draining();
    expectDone(await vault().storage.acknowledge({ ...by(), instance: 'i1', pool: 'pool', version: 3 }));
    expect(await daemon.drain(work)).toEqual({ state: 'clear' });

    expect(await vault().storage.untilNextEnd()).toBe(60_000);
    await vault().lives(60_000);

    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
    expect(await vault().storage.untilNextEnd()).toBeNull();
  });

  test('a clock forty days ahead makes the vault forget no sealed value', async () => {
    vault().now += 40 * dayMs;
    await vault().storage.growOlder({ now: vault().now, elapsedMs: 2_000, limit: 10 });
    await prune();

    expect((await vault().audited()).filter((action) => action === 'version.forget')).toEqual([]);
  });

  test('a rotation that a clock ahead of its time planned comes after its interval, and not when that clock would say', async () => {
    const now = vault().now;
    const schedule = { secretId, intervalMs: 60_000, drainDeadlineMs: null };
    vault().now += 40 * dayMs;
    expectDone(await vault().storage.setSchedule({ caller: vault().operator(), ...schedule }));
    vault().now = now;

    expect(await vault().storage.bringForward({ now })).toBe(1);
    expect(await vault().storage.bringForward({ now })).toBe(0);

    const { managed } = expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId }));
    expect(managed?.nextRotationAt).toBe(now + 60_000);
  });

  test('a request of a time whose nonces are forgotten is refused after the clock went back, also after a restart, not let in twice', async () => {
    const captured = vault().machine(machineId);
    expectDone(await vault().storage.pollVersions({ caller: captured, secretIds: [] }));
    vault().now += dayMs;
    await prune();
    vault().now -= dayMs;

    expectRefused(await vault().storage.pollVersions({ caller: captured, secretIds: [] }), 'time-forgotten');
    await vault().restart();
    expectRefused(await vault().storage.pollVersions({ caller: captured, secretIds: [] }), 'time-forgotten');
    expect(await vault().storage.useNonce(captured)).toBe('time-forgotten');
    expect(await vault().storage.useNonce({ ...vault().operator(), signedAt: captured.signedAt })).toBe('time-forgotten');
  });

  test('when the clock has passed the forgotten time, requests of now are let in, and those of before still are not', async () => {
    await useNonce('before');
    vault().now += dayMs;
    await prune();
    vault().now -= dayMs;
    const until = (await vault().storage.refusedUntil({ now: vault().now })) ?? 0;

    expect(until).toBeGreaterThan(vault().now);
    expect(until).toBeLessThan(vault().now + 1_000_000);
    vault().now = until - 1;
    expect(await useNonce('a')).toBe('time-forgotten');
    vault().now = until;
    expect(await useNonce('b')).toBe('fresh');
    expect(await vault().storage.useNonce({ ...vault().machine(machineId), signedAt: until - 1_000 })).toBe('nonce-forgotten');
    expect(await vault().storage.refusedUntil({ now: until })).toBeNull();
  });

  test('a time in which requests will be refused, since a clock ahead told it, is known before it comes', async () => {
    await useNonce('before');
    vault().now += 1_800_000;
    await prune();
    expect(await vault().storage.refusedNext({ now: vault().now })).toBeNull();
    vault().now += 7_200_000;
    await useNonce('ahead');
    vault().now += 1_800_000;
    await prune();
    expect(await vault().storage.refusedNext({ now: vault().now })).toBeNull();
    vault().now -= 7_200_000;

    const next = await vault().storage.refusedNext({ now: vault().now });
    if (next === null) throw new Error('nothing is known of it');
    expect(next.from).toBeGreaterThan(vault().now);
    for (const [now, use] of [
      [next.from - 1, 'fresh'],
      [next.from, 'time-forgotten'],
      [next.until - 1, 'time-forgotten'],
      [next.until, 'fresh'],
    ] as const) {
      vault().now = now;
      expect(await useNonce(`at ${now}`)).toBe(use);
    }
    vault().now = next.from;
    expect(await vault().storage.refusedNext({ now: next.from })).toBeNull();
  });

  test('time in which every request is refused, since the clock went back, ends no drain', async () => {
    const before = vault().now;
    await useNonce('before');
    vault().now += 1_800_000;
    await prune();
    const work = await draining();
    const after = vault().now;
    vault().now = before;
    await vault().growOlder();

    for (let second = 0; second < 200; second += 1) await vault().lives(1_000);

    expect(await useNonce('refused')).toBe('time-forgotten');
    vault().now = after;
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOutCount: 1 });
  });

  test('in the ordinary course of time every request within the window is let in', async () => {
    for (let minute = 0; minute < 30; minute += 1) {
      vault().now += 60_000;
      for (const offMs of [-300_000, 0, 300_000]) {
        expect(await vault().storage.useNonce({ ...vault().machine(machineId), signedAt: vault().now + offMs })).toBe('fresh');
      }
      await prune();
    }
  });

  test.each([40 * dayMs, 7_200_000])(
    'a clock that was %i ms ahead for long bars the time that it told, not the time until then',
    async (ahead) => {
      await useNonce('before');
      vault().now += 1_800_000;
      await prune();
      vault().now += ahead;
      await useNonce('ahead');
      vault().now += 1_800_000;
      await prune();
      vault().now -= ahead;

      expect(await useNonce('now')).toBe('fresh');
      vault().now += 600_000;
      expect(await useNonce('a little later')).toBe('fresh');
      vault().now += ahead - 2_400_000;
      expect(await useNonce('ahead')).toBe('time-forgotten');
    },
  );

  test('nonces of a clock that was ahead stay, and do not keep the others from being forgotten', async () => {
    vault().now += 40 * dayMs;
    for (let count = 0; count < 5; count += 1) await useNonce(`ahead ${count}`);
    vault().now -= 40 * dayMs;
    await useNonce('now');
    const earlier = vault().now;
    vault().now += 3_600_000;
    for (let round = 0; round < 20; round += 1) await prune(4);

    vault().now = earlier + 40 * dayMs;
    expect(await useNonce('ahead 3')).toBe('replay');
    vault().now = earlier;
    expect(await useNonce('now')).toBe('time-forgotten');
  });

  test('a published agent that a clock ahead of its time saw is offered its rotation again, and stands in nobody’s way', async () => {
    const loginId = await vault().managedSecret(await vault().project());
    const [first, second] = [await vault().approved(), await vault().approved()];
    for (const machine of [first, second]) {
      const { projectId } = expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId: loginId }));
      expectDone(await vault().storage.attachMachine({ caller: vault().operator(), projectId, machineId: machine }));
      await vault().grant(loginId, machine, 'rotate');
    }
    const ask = async (machine: string) => {
      const input = { caller: vault().machine(machine), secretId: loginId, reofferAfterMs: 180_000 };
      return expectDone(await vault().storage.publishedConfiguration(input)).pending?.rotationId ?? null;
    };
    vault().now += 2 * dayMs;
    await ask(first);
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId: loginId, seal: sealFor }));
    const offered = await ask(first);
    expect(await ask(second)).toBeNull();
    vault().now -= 2 * dayMs;

    const again = await ask(second);
    expect(again).not.toBeNull();
    expect(again).not.toBe(offered);
  });

  test('a published agent is offered one id, however often it asks, after a clock ahead of its time had offered it others', async () => {
    const loginId = await vault().managedSecret(await vault().project());
    const { projectId } = expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId: loginId }));
    expectDone(await vault().storage.attachMachine({ caller: vault().operator(), projectId, machineId }));
    await vault().grant(loginId, machineId, 'rotate');
    const ask = async () => {
      const input = { caller: vault().machine(machineId), secretId: loginId, reofferAfterMs: 180_000 };
      return expectDone(await vault().storage.publishedConfiguration(input)).pending?.rotationId ?? null;
    };
    await ask();
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId: loginId, seal: sealFor }));
    await ask();
    vault().now += 40 * dayMs;
    await ask();
    vault().now -= 40 * dayMs;
    const offered = new Set<string | null>();
    for (let asked = 0; asked < 30; asked += 1) {
      vault().now += 10_000;
      offered.add(await ask());
    }

    expect(offered).not.toContain(null);
    expect(offered.size).toBeLessThanOrEqual(3);
  });

  test('a machine is seen now, not when a clock ahead of its time saw it', async () => {
    vault().now += dayMs;
    expectDone(await vault().storage.pollVersions({ caller: vault().machine(machineId), secretIds: [] }));
    vault().now -= dayMs;
    expectDone(await vault().storage.pollVersions({ caller: vault().machine(machineId), secretIds: [] }));

    const machines = expectDone(await vault().storage.listMachines({ caller: vault().operator() }));
    expect(machines.find((machine) => machine.machineId === machineId)?.lastSeenAt).toBe(vault().now);
  });

  test('a lockout that a clock ahead of its time wrote is over', async () => {
    const failure = { address: '192.0.2.1', limit: 1, windowMs: 60_000, lockMs: 60_000 };
    await vault().storage.recordFailedAuthentication({ ...failure, now: vault().now + dayMs });
    expect(await vault().storage.addressLock({ address: '192.0.2.1', now: vault().now + dayMs })).toBe(vault().now + dayMs + 60_000);

    expect(await vault().storage.addressLock({ address: '192.0.2.1', now: vault().now })).toBeNull();
  });
}
