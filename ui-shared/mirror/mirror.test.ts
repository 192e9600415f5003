import type { Snapshot } from '@sikkerkey/protocol/local/state.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { describe, expect, test } from 'vitest';
import { Mirror } from './mirror.ts';

const now = 1_700_000_000_000;
const snapshot: Snapshot = {
  sequence: 7,
  daemon: { bootId: 'b1', pid: 1, version: '1', wireVersion: 1, startedAt: now, home: '/h', journal: 'ok' },
  vaults: [makeVaultFact()],
  agents: [makeAgentFact(now)],
};

describe('the mirror', () => {
  test('takes numbered changes of every slice', () => {
    const mirror = new Mirror(snapshot);

    const taken = [
      mirror.apply({ sequence: 8, slice: 'agent', value: makeAgentFact(now, { state: 'SEALED' }) }),
      mirror.apply({ sequence: 9, slice: 'agent', value: makeAgentFact(now, { secretId: 'sk_2' }) }),
      mirror.apply({ sequence: 10, slice: 'agent-removed', secretId: 'sk_2' }),
      mirror.apply({ sequence: 11, slice: 'vault', value: makeVaultFact({ sealed: true }) }),
      mirror.apply({ sequence: 12, slice: 'daemon', value: { ...snapshot.daemon, journal: 'unavailable' } }),
    ];

    expect(taken).toEqual(Array(5).fill('applied'));
    expect(mirror.state.agents.map(({ state }) => state)).toEqual(['SEALED']);
    expect(mirror.state.vaults[0]?.sealed).toBe(true);
    expect(mirror.state.daemon.journal).toBe('unavailable');
  });

  test('says gap when a number is missing or comes twice', () => {
    expect(new Mirror(snapshot).apply({ sequence: 9, slice: 'agent-removed', secretId: 'x' })).toBe('gap');
    expect(new Mirror(snapshot).apply({ sequence: 7, slice: 'agent-removed', secretId: 'x' })).toBe('gap');
  });

  test('says gap when another daemon speaks', () => {
    expect(new Mirror(snapshot).apply({ sequence: 8, slice: 'daemon', value: { ...snapshot.daemon, bootId: 'b2' } })).toBe('gap');
  });

  test.each([null, 'x', {}, { sequence: 8 }, { sequence: '8', slice: 'agent' }, { sequence: 8, slice: 'agent', value: null }])(
    'says gap for %j, which is no change',
    (message) => {
      expect(new Mirror(snapshot).apply(message)).toBe('gap');
    },
  );

  test('lets a slice of a newer daemon pass and goes on after it', () => {
    const mirror = new Mirror(snapshot);

    expect(mirror.apply({ sequence: 8, slice: 'weather', value: 1 })).toBe('nothing-new');
    expect(mirror.apply({ sequence: 9, slice: 'agent-removed', secretId: 'sk_payments' })).toBe('applied');
  });

  test('takes a sign of life with the last number or with one of its own', () => {
    const mirror = new Mirror(snapshot);

    expect(mirror.apply({ sequence: 7, slice: 'alive', at: now })).toBe('nothing-new');
    expect(mirror.apply({ sequence: 8, slice: 'alive', at: now })).toBe('nothing-new');
    expect(mirror.apply({ sequence: 10, slice: 'alive', at: now })).toBe('gap');
  });

  test('is the same object until something changes', () => {
    const mirror = new Mirror(snapshot);
    const before = mirror.state;

    mirror.apply({ sequence: 7, slice: 'alive', at: now });
    expect(mirror.state).toBe(before);
    mirror.apply({ sequence: 8, slice: 'agent', value: makeAgentFact(now) });
    expect(mirror.state).not.toBe(before);
  });
});
