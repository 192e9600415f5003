/** What only a person may ask of the driver, and what it finds out before it asks for a person. */
import { driveRotation } from '@sikkerkey/core/rotation/drive.ts';
import type { DriveRequest } from '@sikkerkey/core/rotation/driver/contract.ts';
import { candidatesOf } from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { describe, expect, it } from 'vitest';
import { Crash, type Drive, drive, makeDriverBench } from './driver-bench.ts';
import { expectOnlyLive, expectRotated, requested } from './expectations.ts';

const asking =
  (request: DriveRequest): Drive =>
  (deps, id, signal) =>
    driveRotation(deps, id, signal, request);
const givingUp = asking({ giveUpRotationId: 'rot_2' });
const stranger = 'set by a stranger';

/** As the daemon writes down what a vault that went back may have forgotten. */
function numberedBelowZero(row: JournalRow | null): JournalRow {
  if (row === null) throw new Error('there is no row');
  const { versions, credentials } = row;
  const known = candidatesOf(versions).map(({ slot, version }, index) => ({
    ref: { slot, version: -1 - index },
    credential: credentials.get(version),
  }));
  const kept = new Map(known.flatMap(({ ref, credential }) => (credential === undefined ? [] : [[ref.version, credential] as const])));
  const retired = known.map(({ ref }) => ref);
  return {
    ...row,
    rotationId: null,
    goal: 'repair',
    versions: { live: versions.live, pending: null, previous: null, retired },
    credentials: kept,
  };
}

describe('a pending rotation that a person gives up', () => {
  it.each(['journalled-apply', 'after-statement', 'verified', 'journalled-confirm'] as const)(
    'is undone and rejected, wherever it had got to: %s',
    async (crashAt) => {
      const bench = requested({ crashAt });
      await expect(drive(bench)).rejects.toThrow(Crash);

      const outcome = await drive(makeDriverBench({ world: bench.world }), givingUp);

      expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected', rotationId: 'rot_2' } });
      expectOnlyLive(bench.world, 1);
      expect(bench.world.vaultState.rejectedId).toBe('rot_2');
      expect(bench.world.vaultState.words).toContain('give-up');
    },
  );

  it('closes its own login only, where a stranger has changed the live one', async () => {
    const bench = requested({ crashAt: 'after-statement' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.database.logins.set('a', { mayLogIn: true, password: stranger });

    const outcome = await drive(makeDriverBench({ world: bench.world }), givingUp);

    expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected' } });
    expect(bench.world.database.logins.get('a')).toEqual({ mayLogIn: true, password: stranger });
    expect(bench.world.database.logins.get('b')).toEqual({ mayLogIn: false, password: null });
  });

  it('leaves a stranger’s password where it is, also in the one login that both versions use', async () => {
    const bench = makeDriverBench();
    bench.world.vaultState.strategy = 'single';
    bench.world.vaultState.request('a');
    bench.world.database.logins.set('a', { mayLogIn: true, password: stranger });
    expect(await drive(bench)).toMatchObject({ kind: 'blocked', errorCode: 'foreign-password' });

    const outcome = await drive(bench, givingUp);

    expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected' } });
    expect(bench.world.database.executed).toEqual([]);
    expect(bench.world.vaultState.pending).toBeNull();
  });

  it('is undone beside a stranger’s password, also where its row was kept over a vault that went back and knows it all the same', async () => {
    const bench = requested({ crashAt: 'after-statement' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    const { world } = bench;
    world.journal.row = numberedBelowZero(world.journal.row);
    world.database.logins.set('a', { mayLogIn: true, password: stranger });

    const outcomes = [await drive(makeDriverBench({ world }), givingUp), await drive(makeDriverBench({ world }), givingUp)];

    expect(outcomes).toMatchObject([
      { kind: 'finished', receipt: { outcome: 'superseded' } },
      { kind: 'finished', receipt: { outcome: 'rejected', rotationId: 'rot_2' } },
    ]);
    expect(world.database.logins.get('a')).toEqual({ mayLogIn: true, password: stranger });
    expect(world.database.logins.get('b')).toEqual({ mayLogIn: false, password: null });
  });

  it('goes on where it has gone live before', async () => {
    const bench = requested({ crashAt: 'confirmed' });
    await expect(drive(bench)).rejects.toThrow(Crash);

    expectRotated(bench, await drive(makeDriverBench({ world: bench.world }), givingUp));
  });

  it('does not stop another one', async () => {
    const bench = requested();

    expectRotated(bench, await drive(bench, asking({ giveUpRotationId: 'rot_1' })));
  });
});

describe('another server than the one of the journal', () => {
  it('is gone on at once a person says so, and the journal names it before it is looked at', async () => {
    const bench = requested({ crashAt: 'looked' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.database.fingerprint = 'server-2';
    const named: (string | null | undefined)[] = [];
    const watch = (name: string): void => {
      if (name === 'server-accepted') named.push(bench.world.journal.row?.serverFingerprint);
    };
    const next = makeDriverBench({ world: bench.world, watch });
    expect(await drive(next)).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'different-server' });

    expectRotated(next, await drive(next, asking({ acceptServer: true })));

    expect(named).toEqual(['server-2']);
    expect(bench.world.vaultState.words).toContain('accept-server');
  });

  it('stays accepted after a crash right behind the word', async () => {
    const bench = requested({ crashAt: 'looked' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.database.fingerprint = 'server-2';
    const killed = makeDriverBench({ world: bench.world, crashAt: 'server-accepted' });
    await expect(drive(killed, asking({ acceptServer: true }))).rejects.toThrow(Crash);

    const next = makeDriverBench({ world: bench.world });

    expectRotated(next, await drive(next));
  });
});

describe('a backup restored while a version is pending', () => {
  it('is told from a stranger by the ended versions, which are asked for only then', async () => {
    const bench = requested();
    bench.world.vaultState.ended = [{ version: 0, slot: 'a' }];
    bench.world.database.logins.set('a', { mayLogIn: true, password: 'password-of-version-0' });

    const outcome = await drive(bench);

    expectRotated(bench, outcome);
    expect(bench.facts.map(({ state }) => state)).not.toContain('QUARANTINED');
    expect(bench.world.vaultState.epoch).toBe(2);
  });

  it('costs a stranger’s password one more claim, and no more', async () => {
    const bench = requested();
    bench.world.vaultState.ended = [{ version: 0, slot: 'a' }];
    bench.world.database.logins.set('a', { mayLogIn: true, password: stranger });

    expect(await drive(bench)).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'foreign-password' });

    expect(bench.world.vaultState.epoch).toBe(2);
    expect(bench.world.database.executed).toEqual([]);
  });
});
