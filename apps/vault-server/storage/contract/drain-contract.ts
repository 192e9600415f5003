/** The drain: who holds the previous version, how long, and what agents and operators see of it (rotation-protocol.md rule 3). */
import { beforeEach, expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor } from './fixture.ts';

export function drainContract(vault: CurrentVault): void {
  let project: string;
  let machineId: string;
  let secretId: string;
  let daemon: Daemon;
  beforeEach(async () => {
    ({ project, machineId, secretId } = await vault().servedSecret());
    daemon = new Daemon(vault(), machineId, secretId);
  });
  const request = async () => expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
  /** A rotation of a login that was adopted before, pending: from here on every reader is known. */
  const begin = async () => {
    await daemon.adopt();
    await daemon.rotate();
    await request();
  };
  const show = async () => expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId }));
  const read = async (instance: string | null) => {
    const pool = instance === null ? null : 'pool';
    return expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), secretId, instance, pool }));
  };
  const acknowledge = async (instance: string, version: number) =>
    expectDone(await vault().storage.acknowledge({ caller: vault().machine(machineId), secretId, instance, pool: 'pool', version }));

  test('a reader named by instance and pool holds its version until it acknowledges a newer one', async () => {
    await begin();
    await read('i1');
    const work = await daemon.claim();
    await daemon.confirm(work);

    expect(await daemon.drain(work)).toMatchObject({
      state: 'draining',
      holdOutCount: 1,
      holdOuts: [{ kind: 'reader', machineId, instance: 'i1', pool: 'pool', version: 2 }],
      deadlineInMs: 60_000,
    });
    await acknowledge('i1', 2);
    expect((await daemon.drain(work)).state).toBe('draining');
    await acknowledge('i2', 3);
    expect((await daemon.drain(work)).state).toBe('draining');
    await acknowledge('i1', 3);

    expect(await daemon.drain(work)).toEqual({ state: 'clear' });
  });

  test('the adopted password is held by applications that the vault does not know, until the deadline, whoever acknowledges', async () => {
    await daemon.adopt();
    await read('i1');
    const work = await daemon.claim();
    const cursor = await vault().storage.eventCursor();
    await daemon.confirm(work);
    await acknowledge('i1', 2);
    const outside = { kind: 'unnamed-reader', machineName: 'applications not yet using the vault', instance: null, version: 1 };
    await vault().lives(59_999);

    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOutCount: 1, holdOuts: [outside] });
    const listed = expectDone(await vault().storage.listRotations({ caller: vault().operator(), secretId, limit: 10 }));
    expect(listed[0]?.holdOuts).toMatchObject([outside]);
    const { events } = { events: [], ...(await vault().storage.eventsAfter({ machineId, cursor, limit: 10 })) };
    expect(events.map(({ kind }) => kind)).not.toContain('drain-clear');
    await vault().lives(1);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('the adopted password is given up by retire-now, which names the applications that it may break', async () => {
    await daemon.adopt();
    const work = await daemon.claim();
    await daemon.confirm(work);

    const answer = expectDone(await vault().storage.retireNow({ caller: vault().operator(), secretId }));

    expect(answer.broken).toMatchObject([{ machineName: 'applications not yet using the vault', version: 1 }]);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test("the heartbeat of a drain's daemon keeps the claim, another daemon's does not", async () => {
    await begin();
    await read('i1');
    const work = await daemon.claim();
    const other = new Daemon(vault(), machineId, secretId, 'daemon-2');
    const beat = async (daemonId: string, rotationId: string | null) => {
      const agents = [{ secretId, state: 'DRAINING', rotationId, version: 3, errorCode: null }];
      expectDone(await vault().storage.heartbeat({ caller: vault().machine(machineId), daemonId, agents }));
    };
    await daemon.confirm(work);
    for (let minute = 0; minute < 5; minute += 1) {
      vault().now += 60_000;
      await beat('daemon-1', work.rotationId);
    }

    expect(await other.tryClaim()).toEqual({ outcome: 'held', retryInMs: 90_000 });
    expect(await vault().storage.expireClaims({ now: vault().now, limit: 10 })).toBe(0);
    vault().now += 89_999;
    await beat('daemon-2', work.rotationId);
    await beat('daemon-1', null);
    vault().now += 1;
    expect((await other.tryClaim()).outcome).toBe('claimed');
  });

  test('reading a newer version does not let go of the older one', async () => {
    await begin();
    await read('i1');
    const work = await daemon.claim();
    await daemon.confirm(work);

    await read('i1');

    expect((await daemon.drain(work)).state).toBe('draining');
  });

  test('a published client holds its version until the deadline, whatever it reads later', async () => {
    await begin();
    await read(null);
    const work = await daemon.claim();
    await daemon.confirm(work);
    await read(null);
    await vault().lives(59_999);

    expect(await daemon.drain(work)).toMatchObject({ state: 'draining', holdOuts: [{ kind: 'published-client', instance: null }] });
    await vault().lives(1);
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('an instance that ended holds nothing', async () => {
    await begin();
    await read('i1');
    await read('i2');
    const work = await daemon.claim();
    await daemon.confirm(work);
    expectDone(await vault().storage.endInstance({ caller: vault().machine(machineId), instance: 'i1' }));

    expect(await daemon.drain(work)).toMatchObject({ holdOutCount: 1, holdOuts: [{ instance: 'i2' }] });
  });

  test('an acknowledgement by another machine clears nothing', async () => {
    const other = await vault().approved(project);
    await vault().grant(secretId, other, 'read');
    await begin();
    await read('i1');
    const work = await daemon.claim();
    await daemon.confirm(work);
    const theirs = { caller: vault().machine(other), secretId, instance: 'i1', pool: 'pool', version: 3 };
    expectDone(await vault().storage.acknowledge(theirs));

    expect((await daemon.drain(work)).state).toBe('draining');
  });

  test("the daemon's own reads hold nothing", async () => {
    await begin();
    const work = await daemon.claim();
    await daemon.confirm(work);

    expect(await daemon.drain(work)).toEqual({ state: 'clear' });
  });

  test('retire-now ends the drain and names whom it breaks', async () => {
    await begin();
    await read('i1');
    const retireNow = () => vault().storage.retireNow({ caller: vault().operator(), secretId });
    expectRefused(await retireNow(), 'nothing-draining');
    const work = await daemon.claim();
    await daemon.confirm(work);

    const answer = expectDone(await retireNow());

    expect(answer).toMatchObject({ rotationId: work.rotationId, broken: [{ instance: 'i1', version: 2 }] });
    expect(await daemon.drain(work)).toEqual({ state: 'deadline-passed' });
  });

  test('heartbeats say what is to be done, and are what operators see', async () => {
    await begin();
    const denied = await vault().managedSecret(project);
    const agent = { rotationId: null, version: 1, errorCode: null };
    const agents = [secretId, denied, 'sk_none'].map((id) => ({ ...agent, secretId: id, state: 'RECEIVED' }));

    const work = expectDone(await vault().storage.heartbeat({ caller: vault().machine(machineId), daemonId: 'daemon-1', agents }));

    expect(work.map((one) => [one.access, one.phase])).toEqual([
      ['granted', 'pending'],
      ['denied', 'none'],
      ['gone', 'none'],
    ]);
    expect((await show()).managed).toMatchObject({ agentState: 'RECEIVED', agentSeenAt: vault().now });
  });

  test('an agent that polls sees the drain go by', async () => {
    const poll = async () => expectDone(await vault().storage.pollAgents({ caller: vault().machine(machineId), secretIds: [secretId] }))[0];
    await begin();
    await read('i1');
    const work = await daemon.claim();
    await daemon.confirm(work);

    expect(await poll()).toMatchObject({ phase: 'promoted', liveVersion: 3, holdOuts: [{ instance: 'i1' }] });
    await request();
    expect(await poll()).toMatchObject({ phase: 'waiting-for-drain', rotationId: work.rotationId });
    await acknowledge('i1', 3);
    expect(await poll()).toMatchObject({ phase: 'drained', holdOuts: [] });
  });

  test('rotations are listed newest first, with the hold-outs of the one that drains', async () => {
    await begin();
    await read('i1');
    const work = await daemon.claim();
    await daemon.confirm(work);
    await request();

    const listed = expectDone(await vault().storage.listRotations({ caller: vault().operator(), secretId, limit: 10 }));

    expect(listed.map(({ version, state }) => [version, state])).toEqual([
      [4, 'waiting-for-drain'],
      [3, 'promoted'],
      [2, 'retired'],
    ]);
    expect(listed[1]?.holdOuts).toMatchObject([{ instance: 'i1' }]);
  });

  test('everything is as it was after a restart in the middle of a drain', async () => {
    await begin();
    await read('i1');
    const work = await daemon.claim();
    await daemon.confirm(work);
    const waiting = await request();
    await vault().restart();

    expect((await daemon.drain(work)).state).toBe('draining');
    await acknowledge('i1', 3);
    expect(await daemon.retired(work)).toBe('retired');
    expect((await daemon.claim()).rotationId).toBe(waiting.rotationId);
  });
}
