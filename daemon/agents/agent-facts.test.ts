import { describe, expect, test } from 'vitest';
import { heartbeatOf, withAskedRotation, withBeat, withPrepared, withReceipt, withRotation, withWork } from './agent-facts.ts';
import { configuration, fact, work } from './fixture.ts';

describe('what is shown of an agent', () => {
  const reported = {
    secretId: 'sk_1',
    rotationId: 'rot_1',
    strategy: 'flip',
    version: 2,
    epoch: 4,
    holdOuts: [],
    drainDeadlineInMs: 500,
    isRest: false,
    errorCode: null,
    attempt: 1,
  } as const;

  test('keeps the step of the rail through a state that is beside it', () => {
    const applied = withRotation(fact(), { ...reported, state: 'APPLIED' }, 2_000);
    const split = withRotation(applied, { ...reported, state: 'SPLIT' }, 3_000);

    expect([applied.step, split.step, split.state, split.since, split.drainDeadlineAt]).toEqual([
      'applied',
      'applied',
      'SPLIT',
      3_000,
      3_500,
    ]);
  });

  test('says since when a state holds, not since when it was repeated', () => {
    const first = withRotation(fact(), { ...reported, state: 'DRAINING' }, 2_000);

    expect(withRotation(first, { ...reported, state: 'DRAINING' }, 9_000).since).toBe(2_000);
  });

  test('keeps what a person has to see to while it is looked at again, until there is another finding', () => {
    const quarantined = withRotation(fact(), { ...reported, state: 'QUARANTINED', errorCode: 'foreign-password', isRest: true }, 2_000);

    const looking = withRotation(quarantined, { ...reported, state: 'RECEIVED' }, 3_000);
    const applied = withRotation(looking, { ...reported, state: 'DRAINING', isRest: true }, 4_000);

    expect(looking).toBe(quarantined);
    expect(applied).toMatchObject({ state: 'DRAINING', errorCode: null, since: 4_000 });
  });

  test('shows at once that work in which a person was needed got on', () => {
    const quarantined = withRotation(fact(), { ...reported, state: 'QUARANTINED', errorCode: 'foreign-password', isRest: true }, 2_000);

    expect(withRotation(quarantined, { ...reported, state: 'APPLIED' }, 3_000)).toMatchObject({ state: 'APPLIED', errorCode: null });
  });

  test.each([
    { state: 'QUARANTINED', errorCode: 'foreign-password' },
    { state: 'ACCESS_DENIED', errorCode: 'machine-not-approved' },
  ] as const)('shows a rotation at which the agent rests ($state) as asked for, once a person has asked for it', ({ state, errorCode }) => {
    const resting = withRotation(fact(), { ...reported, state, errorCode, isRest: true }, 2_000);

    expect(withAskedRotation(resting, 'rot_other', 3_000)).toBe(resting);
    expect(withAskedRotation(resting, reported.rotationId, 3_000)).toMatchObject({ state: 'RECEIVED', errorCode: null, since: 3_000 });
  });

  test('shows that another rotation waits for the drain, and no longer once it does not', () => {
    const draining = withRotation(fact(), { ...reported, state: 'DRAINING' }, 2_000);
    const waiting = withWork(draining, work({ phase: 'waiting-for-drain', drainDeadlineAt: 77 }), 3_000);

    expect([waiting.state, waiting.drainDeadlineAt]).toEqual(['WAITING_FOR_DRAIN', 77]);
    expect(withWork(waiting, work({ phase: 'promoted' }), 4_000).state).toBe('DRAINING');
  });

  test.each([
    { before: 'VAULT_UNREACHABLE', errorCode: 'vault-unreachable', after: { state: 'IDLE', errorCode: null } },
    { before: 'ACCESS_DENIED', errorCode: 'access-denied', after: { state: 'IDLE', errorCode: null } },
    { before: 'SPLIT', errorCode: 'vault-unreachable', after: { state: 'SPLIT', errorCode: 'vault-unreachable' } },
    { before: 'QUARANTINED', errorCode: 'foreign-password', after: { state: 'QUARANTINED', errorCode: 'foreign-password' } },
  ] as const)('once the vault has given what a run needs, $before is shown as $after.state', ({ before, errorCode, after }) => {
    expect(withPrepared(fact({ state: before, errorCode }), configuration)).toMatchObject({ ...after, name: configuration.name });
  });

  test('keeps the last five heartbeats and the last rotation', () => {
    const beaten = [1, 2, 3, 4, 5, 6].reduce((shown, at) => withBeat(shown, at), fact());
    const receipt = {
      secretId: 'sk_1',
      rotationId: 'rot_1',
      outcome: 'rotated',
      epoch: 1,
      statements: [],
      startedAt: 10.2,
      endedAt: 20.7,
    } as const;

    expect(beaten.beats).toEqual([2, 3, 4, 5, 6]);
    expect(withReceipt(beaten, receipt, 30)).toMatchObject({ state: 'IDLE', step: null, lastRotation: { endedAt: 21, durationMs: 11 } });
    expect(withReceipt(beaten, { ...receipt, rotationId: null }, 30).lastRotation).toBeNull();
  });

  test('never sends the vault a code that is no code', () => {
    expect(heartbeatOf(fact({ errorCode: 'two words' })).errorCode).toBeNull();
    expect(heartbeatOf(fact({ errorCode: '28P01' })).errorCode).toBe('28P01');
  });
});
