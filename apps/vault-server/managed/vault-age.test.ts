import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ageAt, grownBy, timeOfAge, untilAge } from './vault-age.ts';

const age = { ageMs: 1_000, countedAt: 50_000 };

test.each([
  { name: 'no more than the process measured', now: 60_000, elapsedMs: 2_000, grown: 2_000 },
  { name: 'no more than the wall clock says', now: 51_000, elapsedMs: 2_000, grown: 1_000 },
  { name: 'nothing while the wall clock goes back', now: 49_000, elapsedMs: 2_000, grown: 0 },
])('grows by $name', ({ now, elapsedMs, grown }) => {
  expect(grownBy(age, now, elapsedMs)).toBe(grown);
});

test('what began between two counts lasts as long as it should, whatever the clock does meanwhile', () => {
  const times = fc.record({ before: fc.integer({ min: -200_000, max: 200_000 }), pause: fc.integer({ min: 0, max: 60_000 }) });
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 60_000 }), ({ before, pause }, measured) => {
      const beganAt = age.countedAt + before;
      const elapsedBefore = Math.min(measured, 60_000);
      const endsAtAge = ageAt(age, beganAt) + 100_000;
      const grown = age.ageMs + grownBy(age, beganAt + pause, elapsedBefore + pause);

      expect(endsAtAge - grown).toBeGreaterThanOrEqual(100_000 - pause);
    }),
  );
});

test('people are shown the same end all the while, and never a wait below zero', () => {
  expect(timeOfAge(11_000, age, 50_000)).toBe(60_000);
  expect(timeOfAge(11_000, age, 55_000)).toBe(60_000);
  expect(untilAge(11_000, age, 55_000)).toBe(5_000);
  expect(untilAge(500, age, 55_000)).toBe(0);
});
