/** Readers that nobody will acknowledge for: command lines and published clients, one hold for each machine, with an end. */
import { beforeEach, expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, sealFor } from './fixture.ts';

export function holdersContract(vault: CurrentVault): void {
  let machineId: string;
  let secretId: string;
  let daemon: Daemon;
  beforeEach(async () => {
    ({ machineId, secretId } = await vault().servedSecret());
    daemon = new Daemon(vault(), machineId, secretId);
    await daemon.adopt();
    await daemon.rotate();
    await request();
  });
  const request = async () => expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
  let processes = 0;
  /** What `sikkerkey get` does: each time another process. */
  const print = async (heldForMs: number | null = null) => {
    processes += 1;
    const reader = { secretId, instance: `i_${processes}`, pool: 'default', commandLine: { heldForMs } };
    expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), ...reader }));
  };
  const readPublished = async () => {
    const reader = { secretId, instance: null, pool: null };
    expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), ...reader }));
  };
  const promoted = async () => {
    const work = await daemon.claim();
    await daemon.confirm(work);
    return work;
  };

  test('five command-line reads of a machine are one holder, with their number and the last of them', async () => {
    for (let count = 0; count < 5; count += 1) {
      vault().now += 1_000;
      await print();
    }
    const lastReadAt = vault().now;

    const drain = await daemon.drain(await promoted());

    expect(drain).toMatchObject({
      state: 'draining',
      holdOutCount: 1,
      holdOuts: [{ kind: 'command-line', machineId, instance: null, pool: null, reads: 5, lastReadAt, heldUntil: null }],
    });
  });

  test('reads of published clients are another holder beside the command line of the same machine', async () => {
    await print();
    await readPublished();
    await readPublished();

    const drain = await daemon.drain(await promoted());

    expect(drain).toMatchObject({ holdOutCount: 2 });
    const { holdOuts } = { holdOuts: [], ...drain };
    expect(holdOuts.map(({ kind, reads }) => [kind, reads]).toSorted()).toEqual([
      ['command-line', 1],
      ['published-client', 2],
    ]);
  });

  test('what was printed is held until the drain deadline, whoever ends or acknowledges', async () => {
    await print();
    const work = await promoted();
    const instance = `i_${processes}`;
    expectDone(await vault().storage.endInstance({ caller: vault().machine(machineId), instance }));
    const acknowledged = { caller: vault().machine(machineId), secretId, instance, pool: 'default', version: 3 };
    expectDone(await vault().storage.acknowledge(acknowledged));
    await vault().lives(59_999);

    expect((await daemon.drain(work)).state).toBe('draining');
    await vault().lives(1);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('a reader that says for how long it uses the value is waited for no longer', async () => {
    await print(10_000);
    const heldUntil = vault().now + 10_000;
    const work = await promoted();
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOuts: [{ kind: 'command-line', heldUntil }] });
    await vault().lives(9_999);
    expect((await daemon.drain(work)).state).toBe('draining');

    await vault().lives(1);

    expect(await daemon.drain(work)).toEqual({ state: 'clear' });
    const agents = [{ secretId, state: 'DRAINING', rotationId: work.rotationId, version: 3, errorCode: null }];
    const beat = { caller: vault().machine(machineId), daemonId: 'daemon-1', agents };
    expect(expectDone(await vault().storage.heartbeat(beat))[0]?.phase).toBe('drained');
  });

  test.each([
    { name: 'a read without a limit', limits: [10_000, null], heldForMs: 59_999 },
    { name: 'a read without a limit before', limits: [null, 10_000], heldForMs: 59_999 },
    { name: 'the longer of two limits', limits: [30_000, 10_000], heldForMs: 29_999 },
  ])('$name counts for all command-line reads of the machine', async ({ limits, heldForMs }) => {
    for (const limit of limits) await print(limit);
    const work = await promoted();

    await vault().lives(heldForMs);

    expect((await daemon.drain(work)).state).toBe('draining');
    await vault().lives(1);
    expect((await daemon.drain(work)).state).not.toBe('draining');
  });

  test('the tick announces a drain whose last reader is over its own time, at that time and once', async () => {
    await print(10_000);
    await promoted();
    const cursor = await vault().storage.eventCursor();
    expect(await vault().storage.untilNextEnd()).toBe(10_000);
    expect(await vault().lives(9_999)).toBe(0);
    expect(await vault().storage.untilNextEnd()).toBe(1);

    expect(await vault().lives(1)).toBe(1);
    expect(await vault().lives(0)).toBe(0);
    const page = await vault().storage.eventsAfter({ machineId, cursor, limit: 10 });
    expect(page.kind === 'events' ? page.events.map(({ kind }) => kind) : page.kind).toEqual(['drain-clear']);
  });

  test('the tick announces nothing while another reader still holds on', async () => {
    await print(10_000);
    await readPublished();
    const work = await promoted();
    const cursor = await vault().storage.eventCursor();

    await vault().lives(10_000);

    expect(await vault().storage.eventsAfter({ machineId, cursor, limit: 10 })).toMatchObject({ events: [] });
    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOuts: [{ kind: 'published-client' }] });
  });

  test('a limit beyond the drain deadline holds no longer than that', async () => {
    await print(3_600_000);
    const work = await promoted();

    await vault().lives(60_000);

    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('a rotation that has to wait says for whom and until when, and so does what is refused meanwhile', async () => {
    await print();
    await promoted();
    const drainDeadlineAt = vault().now + 60_000;

    const asked = await request();

    expect(asked).toMatchObject({
      state: 'waiting-for-drain',
      waitsFor: { holdOutCount: 1, drainDeadlineAt, holdOuts: [{ kind: 'command-line', reads: 1 }] },
    });
    expect(await vault().storage.deleteSecret({ caller: vault().operator(), secretId })).toEqual({
      kind: 'refused',
      reason: 'waiting-for-drain',
      inFlight: { secretId, holdOutCount: 1, drainDeadlineAt },
    });
    const listed = expectDone(await vault().storage.listRotations({ caller: vault().operator(), secretId, limit: 10 }));
    expect(listed.map((one) => one.drainDeadlineAt)).toEqual([null, drainDeadlineAt, null, null].slice(0, listed.length));
  });

  test('retire-now names the command lines that it may break', async () => {
    await print();
    await promoted();

    const { broken } = expectDone(await vault().storage.retireNow({ caller: vault().operator(), secretId }));

    expect(broken).toMatchObject([{ kind: 'command-line', machineId, reads: 1 }]);
  });

  test('nothing is held of a retired version', async () => {
    await print(10_000);
    const work = await promoted();
    await vault().lives(10_000);
    expect(await daemon.retired(work)).toBe('retired');
    await print();
    await request();

    const drain = await daemon.drain(await promoted());

    expect(drain).toMatchObject({ holdOuts: [{ kind: 'command-line', version: 3, reads: 1 }] });
  });
}
