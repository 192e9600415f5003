import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ActiveRotation,
  decideAdopt,
  decideClaim,
  decideConfirm,
  decidePublishedConfirm,
  decidePublishedReject,
  decideReject,
  decideRequest,
  decideRetired,
  decideUnadopt,
  drainState,
  leaseOf,
  loginOf,
  type ManagedState,
  mayOfferToPublished,
  nextSlot,
  overlaps,
  publishedLeaseMs,
  publishedPresenceMs,
} from './rules.ts';

const steady: ManagedState = {
  secretId: 'sk_a',
  strategy: 'flip',
  owner: 'app',
  adopted: true,
  live: { version: 4, slot: 'a' },
  lastVersion: 4,
  epoch: 7,
  claim: null,
  active: null,
  waiting: null,
  published: null,
};
const pendingRotation: ActiveRotation = {
  rotationId: 'rot_5',
  purpose: 'rotate',
  state: 'pending',
  version: 5,
  slot: 'b',
  previous: null,
  everClaimed: false,
  publishedAt: null,
  drainEndsAtAge: null,
  retireNow: false,
};
const pending: ManagedState = { ...steady, lastVersion: 5, active: pendingRotation };
const drainingRotation: ActiveRotation = {
  ...pendingRotation,
  state: 'promoted',
  everClaimed: true,
  previous: { version: 4, slot: 'a' },
  drainEndsAtAge: 1000,
};
const draining: ManagedState = { ...pending, live: { version: 5, slot: 'b' }, active: drainingRotation };
const me = { machineId: 'm1', daemonId: 'd1' };

describe('slots', () => {
  test.each([
    ['flip', 'owner', 'adopt', 'a'],
    ['flip', 'a', 'rotate', 'b'],
    ['flip', 'b', 'rotate', 'a'],
    ['flip', 'a', 'unadopt', 'owner'],
    ['flip', 'b', 'unadopt', 'owner'],
    ['single', 'owner', 'rotate', 'owner'],
  ] as const)('%s with %s live, to %s, goes onto %s', (strategy, live, purpose, expected) => {
    expect(nextSlot(strategy, live, purpose)).toBe(expected);
  });

  test('a flip never touches the login that is live', () => {
    for (const live of ['owner', 'a', 'b'] as const) {
      for (const purpose of ['rotate', 'adopt'] as const) expect(nextSlot('flip', live, purpose)).not.toBe(live);
    }
  });

  test('the logins are named after the owner', () => {
    expect([loginOf('app', 'owner'), loginOf('app', 'a'), loginOf('app', 'b')]).toEqual(['app', 'app_a', 'app_b']);
  });

  test('only a flip keeps the old credential working', () => {
    expect([overlaps('flip'), overlaps('single')]).toEqual([true, false]);
  });
});

describe('asking for a rotation', () => {
  test.each([
    ['at rest it is offered', steady, { kind: 'offer' }],
    ['while one is pending it is that one', pending, { kind: 'same', rotationId: 'rot_5', state: 'pending' }],
    ['while one drains it waits', draining, { kind: 'wait' }],
    [
      'a second one behind a draining one is the one that waits',
      { ...draining, waiting: { rotationId: 'rot_6', purpose: 'rotate' } },
      { kind: 'same', rotationId: 'rot_6', state: 'waiting-for-drain' },
    ],
    [
      'behind an un-adoption that drains it is the un-adoption',
      { ...draining, active: { ...drainingRotation, purpose: 'unadopt' } },
      { kind: 'same', rotationId: 'rot_5', state: 'waiting-for-drain' },
    ],
    [
      'refused where nobody took the login on',
      { ...steady, strategy: 'single', adopted: false },
      { kind: 'refuse', reason: 'not-adopted' },
    ],
    [
      'begun in place for a published agent that asked',
      { ...steady, strategy: 'single', adopted: false, published: { machineId: 'm1', seenAt: 0 } },
      { kind: 'offer' },
    ],
    [
      'refused where a published agent asked a quarter of an hour ago',
      { ...steady, strategy: 'single', adopted: false, published: { machineId: 'm1', seenAt: 100 - publishedPresenceMs } },
      { kind: 'refuse', reason: 'published-agent-silent', published: { machineId: 'm1', seenAt: 100 - publishedPresenceMs } },
    ],
    [
      'refused where a published agent will have asked, by a clock since put back',
      { ...steady, strategy: 'single', adopted: false, published: { machineId: 'm1', seenAt: 10_101 } },
      { kind: 'refuse', reason: 'published-agent-silent', published: { machineId: 'm1', seenAt: 10_101 } },
    ],
    ['begun in place where a person adopted it so', { ...steady, strategy: 'single' }, { kind: 'offer' }],
  ] as const)('%s', (_, state, expected) => {
    expect(decideRequest(state, 100)).toEqual(expected);
  });
});

describe('claims', () => {
  const held = { ...pending, claim: { machineId: 'm2', daemonId: 'd2', expiresAt: 500 } };

  test('work is claimed with the next epoch and the phase that it is in', () => {
    expect(decideClaim(pending, me, 'work', 0)).toEqual({ kind: 'claim', epoch: 8, phase: 'pending' });
    expect(decideClaim(draining, me, 'work', 0)).toEqual({ kind: 'claim', epoch: 8, phase: 'promoted' });
    expect(decideClaim(steady, me, 'repair', 0)).toEqual({ kind: 'claim', epoch: 8, phase: 'steady' });
  });

  test('a repair while something is in flight claims that', () => {
    expect(decideClaim(draining, me, 'repair', 0)).toEqual({ kind: 'claim', epoch: 8, phase: 'promoted' });
  });

  test('there is nothing to work on at rest', () => {
    expect(decideClaim(steady, me, 'work', 0)).toEqual({ kind: 'nothing' });
  });

  test('another holder is respected to the last millisecond of the lease', () => {
    expect(decideClaim(held, me, 'work', 499)).toEqual({ kind: 'held', retryInMs: 1 });
    expect(decideClaim(held, me, 'work', 500)).toEqual({ kind: 'claim', epoch: 8, phase: 'pending' });
  });

  test('another daemon on the same machine is another holder', () => {
    const sameMachine = { ...pending, claim: { machineId: 'm1', daemonId: 'd2', expiresAt: 500 } };
    expect(decideClaim(sameMachine, me, 'work', 0).kind).toBe('held');
  });

  test('one that claims again begins anew', () => {
    const own = { ...pending, claim: { ...me, expiresAt: 500 } };
    expect(decideClaim(own, me, 'work', 0)).toEqual({ kind: 'claim', epoch: 8, phase: 'pending' });
  });

  test('a published agent at work is not disturbed, one that fell silent is', () => {
    const offered = { ...pendingRotation, publishedAt: 0 };
    const state = { ...pending, strategy: 'single' as const, active: offered, published: { machineId: 'm3', seenAt: 100 } };

    expect(decideClaim(state, me, 'work', 100).kind).toBe('held');
    expect(decideClaim(state, me, 'work', 100 + publishedLeaseMs).kind).toBe('claim');
    expect(decideClaim({ ...state, active: { ...offered, publishedAt: null } }, me, 'work', 100).kind).toBe('claim');
  });

  test('the epoch of a claim is always higher than every one before', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(steady, pending, draining), fc.nat(), (epoch, state, now) => {
        const decision = decideClaim({ ...state, epoch }, me, 'repair', now);
        expect(decision).toMatchObject({ kind: 'claim', epoch: epoch + 1 });
      }),
    );
  });

  test('a lease is half a minute, and three heartbeats while its version drains', () => {
    expect([leaseOf('pending'), leaseOf('steady'), leaseOf('promoted')]).toEqual([30_000, 30_000, 90_000]);
  });

  test('a lease that ends later than any that could be given now is over', () => {
    const ahead = (expiresAt: number) => ({ ...pending, claim: { machineId: 'm2', daemonId: 'd2', expiresAt } });

    expect(decideClaim(ahead(100_000), me, 'work', 0).kind).toBe('held');
    expect(decideClaim(ahead(100_001), me, 'work', 0).kind).toBe('claim');
  });
});

describe('reports of daemons', () => {
  const rotation = { rotationId: 'rot_5', version: 5 };

  test.each(['waiting-for-drain', 'pending', 'promoted', 'retired', 'rejected'] as const)(
    'an epoch that is not the newest changes nothing, whatever became of the rotation (%s)',
    (state) => {
      for (const epoch of [6, 8]) {
        expect(decideConfirm(pending, { ...rotation, state }, epoch)).toBe('stale-epoch');
        expect(decideReject(pending, { ...rotation, state }, epoch)).toBe('over');
        expect(decideRetired(draining, { ...rotation, state }, epoch)).toBe('over');
      }
    },
  );

  test.each([
    ['pending', pending, 'promote'],
    ['promoted', draining, 'promoted'],
    ['retired', { ...draining, active: null }, 'promoted'],
    ['rejected', steady, 'rejected'],
    ['retired', { ...steady, live: { version: 9, slot: 'a' } }, 'finished'],
  ] as const)('a confirm of a %s rotation', (state, managed, expected) => {
    expect(decideConfirm(managed, { ...rotation, state }, 7)).toBe(expected);
  });

  test.each([
    ['pending', pending, 'reject'],
    ['rejected', { ...steady, lastVersion: 5 }, 'rejected'],
    ['promoted', draining, 'over'],
    ['retired', steady, 'over'],
  ] as const)('a reject of a %s rotation', (state, managed, expected) => {
    expect(decideReject(managed, { ...rotation, state }, 7)).toBe(expected);
  });

  test.each([
    ['promoted', draining, 'retire'],
    ['retired', { ...draining, active: null }, 'retired'],
    ['pending', pending, 'over'],
    ['rejected', steady, 'over'],
  ] as const)('the retirement of a %s rotation', (state, managed, expected) => {
    expect(decideRetired(managed, { ...rotation, state }, 7)).toBe(expected);
  });
});

describe('drain', () => {
  test.each([
    ['nobody holds it', drainingRotation, 0, 0, 'clear'],
    ['one holds it before the deadline', drainingRotation, 1, 999, 'draining'],
    ['one holds it at the deadline', drainingRotation, 1, 1000, 'deadline-passed'],
    ['nobody holds it, and the deadline has passed', drainingRotation, 0, 1000, 'deadline-passed'],
    ['an operator says so', { ...drainingRotation, retireNow: true }, 5, 0, 'deadline-passed'],
  ] as const)('%s', (_, rotation, holds, ageMs, expected) => {
    expect(drainState(rotation, holds, ageMs)).toBe(expected);
  });
});

describe('adoption', () => {
  const fresh: ManagedState = { ...steady, strategy: 'single', adopted: false, live: { version: 1, slot: 'owner' }, lastVersion: 1 };

  test.each([
    ['at rest', fresh, 'app', { kind: 'adopt' }],
    ['of another login', fresh, 'other', { kind: 'refuse', reason: 'owner-mismatch' }],
    ['while something is pending', { ...fresh, active: pendingRotation }, 'app', { kind: 'refuse', reason: 'waiting-for-drain' }],
    ['of what was adopted', steady, 'app', { kind: 'refuse', reason: 'already-adopted' }],
    [
      'again, while the first rotation is under way',
      { ...pending, active: { ...pendingRotation, purpose: 'adopt' } },
      'app',
      { kind: 'same', rotationId: 'rot_5' },
    ],
  ] as const)('%s', (_, state, owner, expected) => {
    expect(decideAdopt(state, 'flip', owner, 0)).toEqual(expected);
  });

  test('rule 8: un-adoption is refused unless nothing is pending, draining, waiting or claimed', () => {
    const refused = { kind: 'refuse', reason: 'waiting-for-drain' };
    const claimed = { ...steady, claim: { ...me, expiresAt: 10 } };

    expect(decideUnadopt(steady, 0)).toEqual({ kind: 'unadopt' });
    expect(decideUnadopt(pending, 0)).toEqual(refused);
    expect(decideUnadopt(draining, 0)).toEqual(refused);
    expect(decideUnadopt(claimed, 9)).toEqual(refused);
    expect(decideUnadopt(claimed, 10)).toEqual({ kind: 'unadopt' });
    expect(decideUnadopt(fresh, 0)).toEqual({ kind: 'refuse', reason: 'not-adopted' });
  });
});

describe('published agents', () => {
  const offered: ManagedState = {
    ...pending,
    strategy: 'single',
    active: { ...pendingRotation, publishedAt: 0 },
    published: { machineId: 'm1', seenAt: 0 },
  };
  const rotation = { rotationId: 'rot_5', version: 5 };

  test('are offered what is pending in place, and goes on being offered it', () => {
    expect(mayOfferToPublished({ ...offered, published: null }, 'm1', 0)).toBe(true);
    expect(mayOfferToPublished(offered, 'm1', 0)).toBe(true);
  });

  test.each([
    ['slots', { ...offered, strategy: 'flip' }],
    ['a claim at any time', { ...offered, active: { ...pendingRotation, everClaimed: true } }],
    ['a claim now', { ...offered, claim: { ...me, expiresAt: 100 } }],
    ['nothing pending', { ...offered, active: null }],
    ['a drain', draining],
    ['another one at work', { ...offered, published: { machineId: 'm2', seenAt: 0 } }],
  ] as const)('are offered nothing with %s', (_, state) => {
    expect(mayOfferToPublished(state, 'm1', 0)).toBe(false);
  });

  test('confirm only what was offered to them and no daemon ever claimed', () => {
    const claimed = { ...offered, active: { ...pendingRotation, publishedAt: 0, everClaimed: true } };
    const neverOffered = { ...offered, active: pendingRotation };
    for (const decide of [decidePublishedConfirm, decidePublishedReject]) {
      expect(decide(offered, { ...rotation, state: 'pending' })).toBe('act');
      expect(decide(claimed, { ...rotation, state: 'pending' })).toBe('served-by-daemon');
      expect(decide(neverOffered, { ...rotation, state: 'pending' })).toBe('rotation-over');
      expect(decide(offered, { ...rotation, state: 'waiting-for-drain' })).toBe('rotation-over');
    }
  });

  test('are answered alike when they repeat themselves, and refused when it ended the other way', () => {
    expect(decidePublishedConfirm(steady, { ...rotation, state: 'retired' })).toBe('done');
    expect(decidePublishedConfirm(steady, { ...rotation, state: 'rejected' })).toBe('rotation-over');
    expect(decidePublishedReject(steady, { ...rotation, state: 'rejected' })).toBe('done');
    expect(decidePublishedReject(steady, { ...rotation, state: 'retired' })).toBe('rotation-over');
  });
});
