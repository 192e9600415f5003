import { driveRotation } from '@sikkerkey/core/rotation/drive.ts';
import { EngineFailure, JournalUnavailable, VaultDenied, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { describe, expect, it } from 'vitest';
import { Crash, drive, makeDriverBench } from './driver-bench.ts';
import { expectOnlyLive, expectRotated, requested } from './expectations.ts';
import { secretId } from './ports-in-memory.ts';

describe('a rotation without trouble', () => {
  it('applies, verifies, confirms, drains, retires and leaves a receipt', async () => {
    const bench = requested();

    const outcome = await drive(bench);

    expectRotated(bench, outcome);
    expect(bench.world.journal.goals).toEqual(['apply', 'apply', 'confirm', 'drain', 'retire']);
    expect(bench.facts.map((fact) => fact.state)).toEqual([
      'IDLE',
      'RECEIVED',
      'SEALED',
      'APPLYING',
      'APPLIED',
      'VERIFIED',
      'CONFIRMING',
      'PROMOTED',
      'DRAINING',
      'RETIRED',
      'IDLE',
    ]);
    expect(bench.world.journal.receipts[0]?.statements).toEqual([
      { kind: 'enable', slot: 'b', version: 2 },
      { kind: 'disable', slot: 'a' },
    ]);
  });

  it('is idle when the vault has nothing', async () => {
    expect(await drive(makeDriverBench())).toEqual({ kind: 'idle', retryInMs: null });
  });

  it('leaves the work to the agent that holds the claim', async () => {
    const bench = requested();
    bench.world.vaultState.heldForMs = 12_000;

    expect(await drive(bench)).toEqual({ kind: 'idle', retryInMs: 12_000 });
    expect(bench.world.database.executed).toEqual([]);
  });
});

describe('the database', () => {
  it.each([
    { name: 'lost during the statement, which was executed', lose: 'reply' as const },
    { name: 'lost before the statement was executed', lose: 'statement' as const },
  ])('C2 $name: looks again and ends well', async ({ lose }) => {
    const bench = requested();
    const lost = new EngineFailure('session-lost', '57P01');
    if (lose === 'reply') bench.world.faults.loseReply('session.execute', lost);
    else bench.world.faults.fail('session.execute', lost);

    const outcome = await drive(bench);

    expectRotated(bench, outcome);
    expect(bench.world.database.executed.filter((one) => one.kind === 'enable')).toHaveLength(1);
  });

  it('C4 too busy to verify is asked again until it answers', async () => {
    const bench = requested();
    bench.world.database.verdicts = Array.from({ length: 5 }, () => ({ kind: 'try-again', code: '53300' }));

    expectRotated(bench, await drive(bench));
    expect(bench.facts).toContainEqual(expect.objectContaining({ state: 'APPLIED', errorCode: '53300', attempt: 5 }));
  });

  it('C4 shows what it fails with until it gets on, also while it is tried again and in the next call', async () => {
    const bench = requested();
    const locked = new EngineFailure('transient', 'role-locked', { details: { role: 'app' } });
    bench.world.faults.fail('engine.openSession', ...Array.from({ length: 500 }, () => locked));

    expect((await drive(bench)).kind).toBe('blocked');
    const first = bench.facts.findIndex(({ errorCode }) => errorCode === 'role-locked');
    bench.world.faults.before.clear();
    expectRotated(bench, await drive(bench));

    const since = bench.facts.slice(first);
    const gotOn = since.findIndex(({ state }) => state === 'APPLIED');
    expect(since.length).toBeGreaterThan(10);
    expect(since.slice(0, gotOn)).toEqual(
      since.slice(0, gotOn).map((fact) => ({ ...fact, errorCode: 'role-locked', errorDetails: { role: 'app' } })),
    );
    expect(since.slice(gotOn).every(({ errorCode }) => errorCode === null)).toBe(true);
  });

  it('C4 too busy for longer than the deadline leaves the version applied and the row on disk', async () => {
    const bench = requested();
    bench.world.database.verdicts = Array.from({ length: 500 }, () => ({ kind: 'try-again', code: '53300' }));

    const outcome = await drive(bench);

    expect(outcome).toMatchObject({ kind: 'blocked', state: 'APPLIED', errorCode: '53300' });
    expect(bench.world.journal.row?.goal).toBe('apply');
    bench.world.database.verdicts = [];
    expectRotated(bench, await drive(makeDriverBench({ world: bench.world })));
  });

  it('C5 that refuses the new password again and again has it undone, and the old one never stopped', async () => {
    const bench = requested();
    bench.world.database.verdicts = Array.from({ length: 3 }, () => ({ kind: 'wrong-password' }));

    const outcome = await drive(bench);

    expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected' } });
    expectOnlyLive(bench.world, 1);
  });

  it('that accepts any password proves nothing, so the new version is undone', async () => {
    const bench = requested();
    bench.world.database.verdicts = [{ kind: 'proves-nothing', code: 'hba-trust' }];

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected' } });
    expectOnlyLive(bench.world, 1);
  });

  it('that cannot be reached ends the call as blocked after a minute', async () => {
    const bench = requested();
    bench.world.faults.fail('engine.openSession', ...Array.from({ length: 500 }, () => new EngineFailure('transient', 'ECONNREFUSED')));

    const outcome = await drive(bench);

    expect(outcome).toMatchObject({ kind: 'blocked', state: 'DATABASE_UNREACHABLE', errorCode: 'ECONNREFUSED' });
    expect(bench.clock.monotonic()).toBeGreaterThanOrEqual(60_000);
  });

  it('that needs a person blocks at once and keeps the row', async () => {
    const bench = requested();
    bench.world.faults.fail('engine.openSession', new EngineFailure('needs-person', '28P01'));

    expect(await drive(bench)).toMatchObject({ kind: 'blocked', errorCode: '28P01' });
    expect(bench.world.journal.row?.goal).toBe('apply');
  });

  it('is never touched where it is another server than the one of the first look', async () => {
    const bench = requested({ crashAt: 'looked' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.database.fingerprint = 'server-2';

    expect(await drive(makeDriverBench({ world: bench.world }))).toMatchObject({ kind: 'blocked', errorCode: 'different-server' });
    expect(bench.world.database.executed).toEqual([]);
  });

  it('C14 in which a newer epoch has acted ends the work of the older one', async () => {
    const { world, deps } = requested();
    const overtaking = (name: string): void => {
      if (name !== 'before-statement') return;
      world.vaultState.epoch += 1;
      world.faults.fail('session.execute', new EngineFailure('newer-epoch', 'newer-epoch'));
    };
    const bench = makeDriverBench({ world, watch: overtaking });

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'superseded' } });
    expect(deps.memory.draining).toBeNull();
    expect(world.database.executed).toEqual([]);
  });

  it('that holds a newer epoch than the vault has given is left alone, and waits for a person', async () => {
    const bench = requested();
    bench.world.database.mark = 900;

    const outcome = await drive(bench);

    expect(outcome).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'epoch-ahead' });
    expect(outcome).toHaveProperty(
      'retryInMs',
      expect.toSatisfy((ms: number) => ms >= 30_000),
    );
    expect(bench.world.vaultState.epoch).toBe(1);
    expect(bench.world.database).toMatchObject({ executed: [], mark: 900, openSessions: 0 });
  });

  it('that holds a newer epoch is gone on with once the vault gives a higher one', async () => {
    const bench = requested();
    bench.world.database.mark = 900;
    await drive(bench);

    bench.world.vaultState.epoch = 900;

    expectRotated(bench, await drive(bench));
    expect(bench.world.database.mark).toBeGreaterThan(900);
  });

  it('is never touched where it is a copy of the one that the last work was done at', async () => {
    const bench = requested();
    expectRotated(bench, await drive(bench));
    bench.world.vaultState.request('a');
    const { executed, mark } = bench.world.database;
    const before = executed.length;
    bench.world.database.fingerprint = 'server-2';

    expect(await drive(bench)).toMatchObject({ kind: 'blocked', state: 'QUARANTINED', errorCode: 'different-server' });
    expect(bench.world.database).toMatchObject({ mark });
    expect(executed).toHaveLength(before);

    bench.world.database.fingerprint = 'server-1';
    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated' } });
  });

  it('that cannot be told from others is worked at, and what is known of the one before stays', async () => {
    const bench = requested();
    expectRotated(bench, await drive(bench));
    bench.world.vaultState.request('a');
    bench.world.database.fingerprint = null;

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated' } });
    expect(bench.world.journal.server).toBe('server-1');

    bench.world.vaultState.request('b');
    bench.world.database.fingerprint = 'server-2';
    expect(await drive(bench)).toMatchObject({ kind: 'blocked', errorCode: 'different-server' });
  });

  it('that cannot be told from others at first is named once it can be', async () => {
    const bench = requested();
    bench.world.database.fingerprint = null;
    expectRotated(bench, await drive(bench));
    expect(bench.world.journal.server).toBeNull();
    bench.world.vaultState.request('a');
    bench.world.database.fingerprint = 'server-1';

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated' } });
    expect(bench.world.journal.server).toBe('server-1');
  });

  it('where nothing was ever confirmed may be another one the next time', async () => {
    const bench = requested();
    bench.world.database.verdicts = [{ kind: 'unfit', code: 'unfit' }];
    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected' } });
    bench.world.vaultState.request('b');
    bench.world.database.fingerprint = 'server-2';

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated' } });
    expect(bench.world.journal.server).toBe('server-2');
  });
});

describe('the vault', () => {
  it('C7 whose answer to the confirm is lost is asked again until it answers, and the state says SPLIT', async () => {
    const bench = requested();
    bench.world.faults.loseReply('vault.confirm', new VaultUnreachable('ETIMEDOUT'));
    bench.world.faults.fail('vault.confirm', ...Array.from({ length: 20 }, () => new VaultUnreachable('ECONNREFUSED')));

    expectRotated(bench, await drive(bench));
    expect(bench.facts).toContainEqual(expect.objectContaining({ state: 'SPLIT', attempt: 21 }));
  });

  it('C8 that has cancelled the rotation meanwhile has the new version undone', async () => {
    const bench = requested({ watch: (name) => name === 'before-confirm' && bench.world.vaultState.cancel() });

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'rejected' } });
    expectOnlyLive(bench.world, 1);
  });

  it('C8 that cancelled the rotation while we were down has the database looked at and mended', async () => {
    const bench = requested({ crashAt: 'after-statement' });
    await expect(drive(bench)).rejects.toThrow(Crash);
    bench.world.vaultState.cancel();

    expect(await drive(makeDriverBench({ world: bench.world }))).toMatchObject({ kind: 'finished', receipt: { outcome: 'repaired' } });
    expectOnlyLive(bench.world, 1);
  });

  it('that refuses us ends the call as denied and keeps the row', async () => {
    const bench = requested();
    bench.world.faults.fail('vault.confirm', new VaultDenied('access-denied'));

    expect(await drive(bench)).toMatchObject({ kind: 'denied', errorCode: 'access-denied' });
    expect(bench.world.journal.row?.goal).toBe('confirm');
    expect(bench.facts.at(-1)).toMatchObject({ state: 'ACCESS_DENIED', rotationId: expect.any(String), errorCode: 'access-denied' });
  });

  it('that gave the work to a newer epoch is believed before anything is looked at', async () => {
    const bench = requested({ watch: (name) => void (name === 'session-open' && bench.world.vaultState.epoch++) });

    expect(await drive(bench)).toMatchObject({ kind: 'finished', receipt: { outcome: 'superseded' } });
    expect(bench.world.boundaries).not.toContain('looked');
  });
});

describe('the journal', () => {
  it.each(['journal.read', 'journal.write'])('C15 that fails at %s stops all work before anything is changed', async (call) => {
    const bench = requested();
    bench.world.faults.fail(call, new JournalUnavailable('journal-unavailable'));

    expect(await drive(bench)).toMatchObject({ kind: 'blocked', state: 'JOURNAL_UNAVAILABLE', errorCode: 'journal-unavailable' });
    expect(bench.world.database.executed).toEqual([]);
    expect(bench.facts.at(-1)).toMatchObject({ state: 'JOURNAL_UNAVAILABLE' });
  });

  it('C15 that cannot take the row out again is mended by the next call', async () => {
    const bench = requested();
    bench.world.faults.fail('journal.finish', new JournalUnavailable('ENOSPC'));

    expect(await drive(bench)).toMatchObject({ kind: 'blocked', state: 'JOURNAL_UNAVAILABLE' });
    expectRotated(bench, await drive(bench));
  });
});

describe('an aborted call', () => {
  it('rejects with the reason, closes its session and leaves the row', async () => {
    const bench = requested();
    bench.world.faults.fail('vault.confirm', ...Array.from({ length: 99 }, () => new VaultUnreachable('ECONNREFUSED')));
    const work = driveRotation(bench.deps, secretId, bench.abort.signal);
    const rejected = expect(work).rejects.toThrow('shutting down');
    await bench.clock.waitUntilSleeping();

    bench.abort.abort(new Error('shutting down'));

    await rejected;
    expect(bench.clock.sleeping).toBe(0);
    expect(bench.world.journal.row?.goal).toBe('confirm');
    expect(bench.world.database.openSessions).toBe(0);
  });

  it('throws on what no port declares', async () => {
    const bench = requested();
    bench.world.faults.fail('vault.drain', new TypeError('a defect'));

    await expect(drive(bench)).rejects.toThrow(TypeError);
    expect(bench.world.journal.row?.goal).toBe('drain');
  });

  it('keeps to the monotonic clock when the wall clock jumps (C16)', async () => {
    const bench = requested();
    bench.world.database.verdicts = [{ kind: 'try-again', code: 'EAI_AGAIN' }];
    const work = driveRotation(bench.deps, secretId, bench.abort.signal);
    await bench.clock.waitUntilSleeping();

    bench.clock.jump(-86_400_000 * 365);
    await bench.clock.advance(1_000);

    expectRotated(bench, await work);
  });
});
