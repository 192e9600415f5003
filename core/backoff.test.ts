import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffAfter, backoffDurations, fullJitter, jitterAround } from './backoff.ts';
import type { Random } from './random.ts';

function randomOf(fraction: number): Random {
  return { bytes: (length) => new Uint8Array(length), fraction: () => fraction };
}

function firstOf(durations: Generator<number, never, void>, count: number): number[] {
  return Array.from({ length: count }, () => durations.next().value);
}

const policy = fc.record({
  firstMs: fc.integer({ min: 1, max: 5_000 }),
  factor: fc.double({ min: 1, max: 4, noNaN: true }),
  maxMs: fc.integer({ min: 1, max: 60_000 }),
});
const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoff', () => {
  it('grows to its ceiling and stays there', () => {
    fc.assert(
      fc.property(policy, (one) => {
        const durations = firstOf(backoffDurations(one), 60);

        expect(durations.every((ms, index) => index === 0 || ms >= (durations[index - 1] ?? 0))).toBe(true);
        expect(Math.max(...durations)).toBeLessThanOrEqual(one.maxMs);
        expect(durations[0]).toBe(Math.min(one.firstMs, one.maxMs));
      }),
    );
  });

  it('after a number of failures equals the duration at that place', () => {
    const policyOfTest = { firstMs: 100, factor: 2, maxMs: 1_000 };

    expect([1, 2, 3, 4, 5, 6].map((attempt) => backoffAfter(attempt, policyOfTest))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(firstOf(backoffDurations(policyOfTest), 6)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('stays finite after very many failures', () => {
    expect(backoffAfter(1_000_000)).toBe(30_000);
  });
});

describe('jitter', () => {
  it('spreads a pause over the whole span', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000 }), fractions, (ms, fraction) => {
        const pause = fullJitter(ms, randomOf(fraction));
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual(ms);
      }),
    );
    expect(fullJitter(1_000, randomOf(0.25))).toBe(250);
  });

  it('keeps a period within its share and its mean', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 60_000 }), fractions, (ms, fraction) => {
        const period = jitterAround(ms, 0.2, randomOf(fraction));
        expect(Math.abs(period - ms)).toBeLessThanOrEqual(ms * 0.2 + 1);
      }),
    );
    expect(jitterAround(1_000, 0.2, randomOf(0.5))).toBe(1_000);
  });
});
