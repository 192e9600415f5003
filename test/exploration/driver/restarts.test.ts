import { describe, expect, it } from 'vitest';
import { rotationBoundaries } from '../../support/rotation-boundaries.ts';
import { Crash, drive, makeDriverBench } from './driver-bench.ts';
import { expectOnlyLive, requested } from './expectations.ts';
import { makeWorld } from './ports-in-memory.ts';

describe('a process that dies', () => {
  it.each(rotationBoundaries)('at the boundary %s goes on after its restart, and the live version logs in all along', async (crashAt) => {
    const world = makeWorld();
    const watch = (): void => expect(world.database.logsIn(world.vaultState.live.version)).toBe(true);
    const bench = requested({ world, crashAt, watch });

    await expect(drive(bench)).rejects.toThrow(Crash);
    const again = makeDriverBench({ world, watch });
    while ((await drive(again)).kind === 'finished');

    expectOnlyLive(world, 2);
    expect(world.journal.receipts.map((receipt) => receipt.outcome)).toEqual(['rotated']);
    expect(world.database.executed.filter((one) => one.kind === 'enable')).toHaveLength(1);
  });

  it.each(['journalled-undo', 'rejected'] as const)('at the boundary %s of an undo ends with the old version alone', async (crashAt) => {
    const bench = requested({ crashAt });
    bench.world.database.verdicts = [{ kind: 'unfit', code: '42501' }];

    await expect(drive(bench)).rejects.toThrow(Crash);
    await drive(makeDriverBench({ world: bench.world }));

    expectOnlyLive(bench.world, 1);
    expect(bench.world.journal.receipts.map((receipt) => receipt.outcome)).toEqual(['rejected']);
  });

  it('is told by the vault that all is over where another agent did the rest', async () => {
    const bench = requested({ crashAt: 'journalled-drain' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.vaultState.previous = null;
    bench.world.vaultState.rotationId = null;

    const outcome = await drive(makeDriverBench({ world: bench.world }));

    expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated' } });
    expect(bench.world.journal.row).toBeNull();
  });

  it('gives its row up where another agent holds the claim now', async () => {
    const bench = requested({ crashAt: 'after-statement' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.vaultState.heldForMs = 5_000;

    const outcome = await drive(makeDriverBench({ world: bench.world }));

    expect(outcome).toEqual({ kind: 'idle', retryInMs: 5_000 });
    expect(bench.world.journal.receipts.map((receipt) => receipt.outcome)).toEqual(['superseded']);
  });
});
