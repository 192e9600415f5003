import { driveRotation, probeDrift } from '@sikkerkey/core/rotation/drive.ts';
import { describe, expect, it } from 'vitest';
import { type DriverBench, drive, makeDriverBench } from './driver-bench.ts';
import { expectOnlyLive, expectRotated, requested } from './expectations.ts';

describe('the drain', () => {
  it('C9 gives the thread back while readers hold the version before, and goes on when they are done', async () => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];

    const waiting = await drive(bench);
    const epoch = bench.world.vaultState.epoch;
    bench.world.vaultState.holdOuts = [];
    const ended = await drive(bench);

    expect(waiting).toMatchObject({ kind: 'draining', holdOuts: [{ name: 'web-1' }], deadlineInMs: 60_000 });
    expectRotated(bench, ended);
    expect(bench.world.vaultState.epoch).toBe(epoch);
  });

  it('keeps telling its hold-outs while it is asked about again', async () => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
    await drive(bench);
    const told = bench.facts.length;

    await drive(bench);

    expect(bench.facts.slice(told).map((fact) => [fact.state, fact.holdOuts.length])).toEqual([['DRAINING', 1]]);
  });

  it('C11 waits for sessions in the database, counted again less and less often', async () => {
    const bench = requested();
    bench.world.database.sessions = [{ kind: 'session', name: 'psql', count: 2 }];

    const waits: number[] = [];
    for (let call = 0; call < 12; call += 1) {
      const outcome = await drive(bench);
      if (outcome.kind === 'draining') waits.push(outcome.retryInMs);
    }

    expect(waits).toHaveLength(12);
    expect(waits[0]).toBe(200);
    expect(waits.at(-1)).toBe(30_000);
    expect(bench.world.database.logsIn(1)).toBe(true);
  });

  it('ends at its deadline although a reader and a session still hold on', async () => {
    const bench = requested();
    bench.world.database.sessions = [{ kind: 'session', name: 'psql', count: 2 }];
    bench.world.vaultState.isDeadlinePassed = true;

    expectRotated(bench, await drive(bench));
  });

  it('C12 repairs the version before when a restored backup has taken it away meanwhile', async () => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'unnamed-reader', name: 'python', count: 1 }];
    await drive(bench);
    // From before either version was opened: the one after a lock by an administrator has the live one.
    bench.world.database.logins.set('a', { mayLogIn: false, password: null });
    bench.world.database.logins.set('b', { mayLogIn: true, password: 'password-of-version-0' });
    bench.world.vaultState.ended = [{ version: 0, slot: 'b' }];

    const outcome = await drive(bench, probeDrift);

    expect(outcome.kind).toBe('draining');
    expect(bench.world.database.logsIn(1)).toBe(true);
    expect(bench.world.database.logsIn(2)).toBe(true);
    expect(bench.world.journal.goals).toContain('repair-while-draining');
  });

  it.each([
    { name: 'the operator has it retired now', isDeadlinePassed: true },
    { name: 'no reader holds it any more', isDeadlinePassed: false },
  ])('never opens the version before again, which an operator has locked, once $name', async ({ isDeadlinePassed }) => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
    await drive(bench);
    bench.world.database.logins.set('a', { mayLogIn: false, password: 'password-of-version-1' });
    Object.assign(bench.world.vaultState, isDeadlinePassed ? { isDeadlinePassed } : { holdOuts: [] });

    expectRotated(bench, await drive(bench, probeDrift));
    expect(bench.world.database.executed).not.toContainEqual({ kind: 'enable', slot: 'a', version: 1 });
    expect(bench.world.database.logins.get('a')).toEqual({ mayLogIn: false, password: null });
  });

  it.each([
    { name: 'the operator has it retired now', isDeadlinePassed: true },
    { name: 'its last reader lets go', isDeadlinePassed: false },
  ])('does not open the version before again when $name while its repair begins', async ({ isDeadlinePassed }) => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
    await drive(bench);
    bench.world.database.logins.set('a', { mayLogIn: false, password: null });
    bench.world.database.logins.set('b', { mayLogIn: false, password: null });
    const watched = makeDriverBench({
      world: bench.world,
      watch: (boundary) => {
        if (boundary !== 'session-open') return;
        Object.assign(bench.world.vaultState, isDeadlinePassed ? { isDeadlinePassed } : { holdOuts: [] });
      },
    });

    expectRotated(watched, await drive(watched, probeDrift));

    expect(bench.world.journal.goals).toContain('repair-while-draining');
    expect(bench.world.database.executed).not.toContainEqual({ kind: 'enable', slot: 'a', version: 1 });
  });

  it('opens the live login at once, although a session still uses the one before, when every reader has moved to it', async () => {
    const bench = requested();
    bench.world.database.sessions = [{ kind: 'session', name: 'psql', count: 2 }];
    await drive(bench);
    bench.world.database.logins.set('b', { mayLogIn: false, password: null });

    expectRotated(bench, await drive(bench));
  });

  describe('whose login a stranger gives another password', () => {
    const stranger = { mayLogIn: true, password: 'set by a stranger' };
    const drainingWithStranger = async (): Promise<DriverBench> => {
      const bench = requested();
      bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
      await drive(bench);
      bench.world.database.logins.set('a', { ...stranger });
      return bench;
    };

    it('C13 leaves it there and says so, also when it is asked about again', async () => {
      const bench = await drainingWithStranger();

      expect(await drive(bench, probeDrift)).toMatchObject({ kind: 'draining' });
      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: 'foreign-password-draining' });
      expect(await drive(bench)).toMatchObject({ kind: 'draining' });

      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: 'foreign-password-draining' });
      expect(bench.world.database.logins.get('a')).toEqual(stranger);
      expect(bench.world.journal.goals).not.toContain('repair-while-draining');
    });

    it('C13 mends the live login beside it', async () => {
      const bench = await drainingWithStranger();
      bench.world.database.logins.set('b', { mayLogIn: false, password: null });

      await drive(bench, probeDrift);

      expect(bench.world.database.logsIn(2)).toBe(true);
      expect(bench.world.database.logins.get('a')).toEqual(stranger);
    });

    it('C13 brings the version before back once a person says so', async () => {
      const bench = await drainingWithStranger();
      await drive(bench, probeDrift);

      await drive(bench, (deps, id, signal) => driveRotation(deps, id, signal, { probe: true, overwriteForeignPassword: true }));

      expect(bench.world.database.logsIn(1)).toBe(true);
      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: null });
    });

    it('closes it at the end of the drain', async () => {
      const bench = await drainingWithStranger();
      await drive(bench, probeDrift);
      bench.world.vaultState.holdOuts = [];

      expectRotated(bench, await drive(bench));
      expect(bench.world.database.logins.get('a')).toEqual({ mayLogIn: false, password: null });
    });

    it('C12 tells a restored backup from it by the ended versions, and brings the version before back', async () => {
      const bench = await drainingWithStranger();
      bench.world.vaultState.ended = [{ version: 0, slot: 'a' }];
      bench.world.database.logins.set('a', { mayLogIn: true, password: 'password-of-version-0' });

      expect(await drive(bench, probeDrift)).toMatchObject({ kind: 'draining' });

      expect(bench.world.database.logsIn(1)).toBe(true);
      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: null });
    });
  });

  describe('whose login somebody locks', () => {
    const draining = async (): Promise<DriverBench> => {
      const bench = requested();
      bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
      await drive(bench);
      return bench;
    };
    const locks = [
      { name: 'NOLOGIN', locked: { mayLogIn: false, password: 'password-of-version-1' } },
      { name: 'PASSWORD NULL', locked: { mayLogIn: true, password: null } },
    ];

    it.each(locks)('is left locked by $name, says so, and ends as any other', async ({ locked }) => {
      const bench = await draining();
      bench.world.database.logins.set('a', { ...locked });

      expect(await drive(bench, probeDrift)).toMatchObject({ kind: 'draining' });
      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: 'locked-login-draining' });
      expect(bench.world.database.logins.get('a')).toEqual(locked);

      bench.world.vaultState.holdOuts = [];
      expectRotated(bench, await drive(bench));
      expect(bench.world.database.executed).not.toContainEqual({ kind: 'enable', slot: 'a', version: 1 });
    });

    it.each(locks)('is opened again behind $name once a person says so', async ({ locked }) => {
      const bench = await draining();
      bench.world.database.logins.set('a', { ...locked });

      await drive(bench, (deps, id, signal) => driveRotation(deps, id, signal, { probe: true, overwriteForeignPassword: true }));

      expect(bench.world.database.logsIn(1)).toBe(true);
      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: null });
    });

    it('stays locked where somebody locked the live login with it, which alone is opened again', async () => {
      const bench = await draining();
      bench.world.database.logins.set('a', { mayLogIn: false, password: 'password-of-version-1' });
      bench.world.database.logins.set('b', { mayLogIn: false, password: 'password-of-version-2' });

      await drive(bench, probeDrift);
      await drive(bench, probeDrift);

      expect([bench.world.database.logsIn(1), bench.world.database.logsIn(2)]).toEqual([false, true]);
      expect(bench.facts.at(-1)).toMatchObject({ state: 'DRAINING', errorCode: 'locked-login-draining' });
    });

    it('C12 is told from a restored backup also where its repair was interrupted between the two logins', async () => {
      const bench = await draining();
      bench.world.database.logins.set('a', { mayLogIn: false, password: null });
      bench.world.database.logins.set('b', { mayLogIn: false, password: null });
      await expect(drive(makeDriverBench({ world: bench.world, crashAt: 'after-statement' }), probeDrift)).rejects.toThrow();

      await drive(makeDriverBench({ world: bench.world }), probeDrift);

      expect([bench.world.database.logsIn(1), bench.world.database.logsIn(2)]).toEqual([true, true]);
    });

    it('C12 has a repair that was interrupted gone on with at once, without a look for drift', async () => {
      const bench = await draining();
      bench.world.database.logins.set('a', { mayLogIn: false, password: null });
      bench.world.database.logins.set('b', { mayLogIn: false, password: null });
      await expect(drive(makeDriverBench({ world: bench.world, crashAt: 'before-statement' }), probeDrift)).rejects.toThrow();

      expect(await drive(makeDriverBench({ world: bench.world }))).toMatchObject({ kind: 'draining' });

      expect([bench.world.database.logsIn(1), bench.world.database.logsIn(2)]).toEqual([true, true]);
    });

    it("C13 shows a stranger's password on the live login as long as it is there", async () => {
      const bench = await draining();
      bench.world.database.logins.set('b', { mayLogIn: true, password: 'a-strangers' });
      await drive(bench, probeDrift);

      for (let look = 0; look < 3; look += 1)
        expect(await drive(bench)).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'foreign-password' });
    });
  });

  describe('whose vault is restored from a backup', () => {
    it('keeps its row, which may be all that knows the live version, and rests', async () => {
      const bench = requested();
      bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
      await drive(bench);
      Object.assign(bench.world.vaultState, { live: { version: 1, slot: 'a' }, previous: null, rotationId: null, epoch: 0 });

      expect(await drive(bench)).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'epoch-ahead' });

      expect(bench.world.journal.row).toMatchObject({ goal: 'drain', versions: { live: { version: 2 } } });
      expect([...(bench.world.journal.row?.credentials.keys() ?? [])]).toContain(2);
      expect(bench.world.database.logsIn(2)).toBe(true);
    });
  });

  it('goes on to its end although somebody dropped the login before', async () => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
    await drive(bench);
    bench.world.database.logins.delete('a');
    const probed = await drive(bench, probeDrift);
    bench.world.vaultState.holdOuts = [];

    expect(probed.kind).toBe('draining');
    expectRotated(bench, await drive(bench));
  });

  it('is not called rotated by an agent whose epoch is old while another one still waits for its readers', async () => {
    const bench = requested();
    bench.world.vaultState.holdOuts = [{ kind: 'reader', name: 'web-1', count: 1 }];
    await drive(bench);
    bench.world.vaultState.epoch += 1;

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'superseded', rotationId: 'rot_2' } });
    expect(bench.world.vaultState.previous).not.toBeNull();
    expect(bench.world.database.logsIn(1)).toBe(true);
  });
});

describe('drift', () => {
  it('is not found where all is well, and the claim is given back', async () => {
    const bench = makeDriverBench();

    expect(await drive(bench, probeDrift)).toEqual({ kind: 'idle', retryInMs: null });
    expect(bench.world.vaultState.released).toBe(1);
    expect(bench.world.journal.goals).toEqual([]);
  });

  it('C12 is repaired from the sealed live version', async () => {
    const bench = makeDriverBench();
    bench.world.database.logins.set('a', { mayLogIn: false, password: null });
    bench.world.database.logins.set('b', { mayLogIn: true, password: 'password-of-version-0' });

    const outcome = await drive(bench, probeDrift);

    expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'repaired' } });
    expectOnlyLive(bench.world, 1);
    expect(bench.world.database.logins.get('b')).toEqual({ mayLogIn: false, password: null });
  });

  it('C13 with a password of a stranger is QUARANTINED, and nothing is overwritten', async () => {
    const bench = makeDriverBench();
    bench.world.database.logins.set('a', { mayLogIn: true, password: 'set by a stranger' });

    const outcome = await drive(bench, probeDrift);

    expect(outcome).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'foreign-password' });
    expect(bench.world.database.executed).toEqual([]);
    expect(bench.facts.at(-1)).toMatchObject({ state: 'QUARANTINED' });
  });

  it('C13 is overwritten once a person says so', async () => {
    const bench = makeDriverBench();
    bench.world.database.logins.set('a', { mayLogIn: true, password: 'set by a stranger' });
    await drive(bench, probeDrift);

    const outcome = await drive(bench, (deps, id, signal) => driveRotation(deps, id, signal, { overwriteForeignPassword: true }));

    expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'repaired' } });
    expectOnlyLive(bench.world, 1);
  });

  it('to a retired password is a restored backup, not a stranger', async () => {
    const bench = makeDriverBench();
    bench.world.vaultState.ended.push({ version: 0, slot: 'a' });
    bench.world.database.logins.set('a', { mayLogIn: true, password: 'password-of-version-0' });

    expect(await drive(bench, probeDrift)).toMatchObject({ kind: 'finished', receipt: { outcome: 'repaired' } });
    expectOnlyLive(bench.world, 1);
  });
});
