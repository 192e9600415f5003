/** The look for drift that claims nothing: what it may conclude, and what it leaves to the driver. */
import { driveRotation } from '@sikkerkey/core/rotation/drive.ts';
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { Standing } from '@sikkerkey/core/rotation/quiet-look.ts';
import type { VersionRef } from '@sikkerkey/core/rotation/types.ts';
import { expect, it } from 'vitest';
import { type DriverBench, drive, makeDriverBench } from './driver-bench.ts';
import { expectOnlyLive } from './expectations.ts';
import { credentialOf } from './ports-in-memory.ts';

/** What the vault of this bench says while nothing is in flight. */
function standingOf({ world }: DriverBench): Standing {
  const { live, ended, strategy } = world.vaultState;
  const refs: readonly VersionRef[] = [live, ...ended];
  const versions = { live, pending: null, previous: null, retired: ended };
  return { strategy, versions, credentials: new Map(refs.map((ref) => [ref.version, credentialOf(ref)])) };
}

const look = (bench: DriverBench, standing = standingOf(bench)) =>
  drive(bench, (deps, id, signal) => driveRotation(deps, id, signal, { probe: true, standing }));

it('claims nothing, journals nothing and changes nothing where the database is as the vault says', async () => {
  const bench = makeDriverBench();

  expect(await look(bench)).toEqual({ kind: 'idle', retryInMs: null });

  expect(bench.world.vaultState.epoch).toBe(0);
  expect(bench.world.vaultState.released).toBe(0);
  expect(bench.world.journal.goals).toEqual([]);
  expect(bench.world.database.openSessions).toBe(0);
  expect(bench.facts).toMatchObject([{ state: 'IDLE', version: 1, strategy: 'flip', errorCode: null }]);
});

it('C12 leaves a restored backup to the driver, which repairs it under a claim', async () => {
  const bench = makeDriverBench();
  bench.world.vaultState.ended.push({ version: 0, slot: 'a' });
  bench.world.database.logins.set('a', { mayLogIn: true, password: 'password-of-version-0' });

  expect(await look(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'repaired', epoch: 1 } });
  expectOnlyLive(bench.world, 1);
});

it('C13 leaves a password of a stranger to the driver, which overwrites nothing', async () => {
  const bench = makeDriverBench();
  bench.world.database.logins.set('a', { mayLogIn: true, password: 'set by a stranger' });

  expect(await look(bench)).toMatchObject({ kind: 'blocked', state: 'QUARANTINED' });
  expect(bench.world.database.executed).toEqual([]);
});

it('concludes nothing from a database that could not be looked at', async () => {
  const bench = makeDriverBench();
  bench.world.faults.fail('engine.observe', new EngineFailure('transient', '53300'));

  expect(await look(bench)).toEqual({ kind: 'idle', retryInMs: null });

  expect(bench.world.vaultState).toMatchObject({ epoch: 1, released: 1 });
});

it('does the work that began while it looked, when what it saw was no longer what the vault had said', async () => {
  const bench = makeDriverBench();
  const standing = standingOf(bench);
  bench.world.vaultState.request('b');
  bench.world.database.logins.set('b', { mayLogIn: true, password: 'password-of-version-2' });

  expect(await look(bench, standing)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated', rotationId: 'rot_2' } });
  expectOnlyLive(bench.world, 2);
});

it('goes on from a journal row whatever the vault had said', async () => {
  const bench = makeDriverBench();
  const standing = standingOf(bench);
  bench.world.vaultState.request('b');
  const crashing = makeDriverBench({ world: bench.world, crashAt: 'journalled-apply' });
  await expect(drive(crashing)).rejects.toThrow();
  const restarted = makeDriverBench({ world: bench.world });

  expect(await look(restarted, standing)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated' } });
});
