import { describe, expect, it } from 'vitest';
import type { LoginShape, Shape, Slot, Versions } from '../types.ts';
import { flip } from './flip.ts';

describe('a login before that somebody dropped', () => {
  const draining: Versions = { live: { version: 2, slot: 'b' }, pending: null, previous: { version: 1, slot: 'a' } };
  const live: LoginShape = { slot: 'b', exists: true, mayLogIn: true, accepts: [2], hasVerifier: true, hasSecondPassword: false };

  it('is no drift, and holds up neither a repair nor the retirement', () => {
    const shape: Shape = { logins: [live] };

    expect(flip.isDrifted(shape, draining)).toBe(false);
    expect(flip.plan('repair-while-draining', shape, draining)).toEqual({ kind: 'statements', statements: [] });
    expect(flip.plan('retire', shape, draining)).toEqual({ kind: 'statements', statements: [] });
  });

  it('does not keep the live login from being repaired', () => {
    const shape: Shape = { logins: [{ ...live, mayLogIn: false }] };

    expect(flip.isDrifted(shape, draining)).toBe(true);
    expect(flip.plan('repair-while-draining', shape, draining)).toEqual({
      kind: 'statements',
      statements: [{ kind: 'enable', slot: 'b', version: 2 }],
    });
  });

  it('is opened first where both are closed, and last where it lets somebody in', () => {
    const [closed, ended] = [{ ...live, slot: 'a', mayLogIn: false, accepts: [] } as const, { ...live, slot: 'a', accepts: [-1] } as const];
    const slotsOpened = (before: LoginShape): readonly unknown[] => {
      const plan = flip.plan('repair-while-draining', { logins: [before, { ...live, mayLogIn: false }] }, draining);
      return plan.kind === 'statements' ? plan.statements.map((one) => 'slot' in one && one.slot) : [plan.kind];
    };

    expect(slotsOpened(closed)).toEqual(['a', 'b']);
    expect(slotsOpened(ended)).toEqual(['b', 'a']);
  });

  it('is an obstacle where it is the live one', () => {
    expect(flip.plan('repair-while-draining', { logins: [] }, draining)).toEqual({ kind: 'login-missing', slot: 'b' });
  });
});

describe('the retirement of a login in turn', () => {
  it('closes a third login too that somebody has opened meanwhile', () => {
    const versions: Versions = { live: { version: 2, slot: 'b' }, pending: null, previous: { version: 1, slot: 'a' } };
    const open = (slot: Slot, version: number): LoginShape => ({
      slot,
      exists: true,
      mayLogIn: true,
      accepts: [version],
      hasVerifier: true,
      hasSecondPassword: false,
    });

    expect(flip.plan('retire', { logins: [open('owner', 0), open('a', 1), open('b', 2)] }, versions)).toEqual({
      kind: 'statements',
      statements: [
        { kind: 'disable', slot: 'a' },
        { kind: 'disable', slot: 'owner' },
      ],
    });
  });
});
