import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MissedRotations } from './missed-rotations.ts';

/** When each of these rotations begins, in seconds from now; all were due an hour ago. */
async function beginnings(intervalMs: number): Promise<number[]> {
  const clock = new FakeClock();
  const missed = new MissedRotations({ clock, random: systemRandom }, () => true);
  const dueAt = clock.now() - 3_600_000;
  const begins = new Map<string, number>();
  for (let second = 0; second <= 300; second += 1) {
    for (let count = 0; count < 100; count += 1) {
      const secretId = `sk_${count}`;
      if (!begins.has(secretId) && missed.mayBegin({ secretId, dueAt, intervalMs })) begins.set(secretId, second);
    }
    await clock.advance(1_000);
  }
  return [...begins.values()];
}

test('what was missed begins within five minutes, spread out', async () => {
  const at = await beginnings(86_400_000);

  expect(at).toHaveLength(100);
  expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan(100);
});

test('what was missed and comes often begins within its interval', async () => {
  const at = await beginnings(10_000);

  expect(at).toHaveLength(100);
  expect(Math.max(...at)).toBeLessThanOrEqual(10);
  expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan(5);
});

test('what is due now begins at once, and what is missed again waits again', async () => {
  const clock = new FakeClock();
  const missed = new MissedRotations({ clock, random: { fraction: () => 0.5 } }, () => true);
  const due = { secretId: 'sk_1', intervalMs: 86_400_000 };

  expect(missed.mayBegin({ ...due, dueAt: clock.now() - 30_000 })).toBe(true);
  const first = { ...due, dueAt: clock.now() - 30_001 };
  expect(missed.mayBegin(first)).toBe(false);
  await clock.advance(150_000);
  expect(missed.mayBegin(first)).toBe(true);
  expect(missed.mayBegin({ ...due, dueAt: clock.now() - 30_001 })).toBe(false);
});

test('what looks missed to a clock that is not believed yet begins only after it is', async () => {
  const clock = new FakeClock();
  let isSettled = false;
  const missed = new MissedRotations({ clock, random: { fraction: () => 0 } }, () => isSettled);
  const due = { secretId: 'sk_1', intervalMs: 86_400_000, dueAt: clock.now() - 3_600_000 };

  for (let minute = 0; minute < 14; minute += 1) {
    expect(missed.mayBegin(due)).toBe(false);
    await clock.advance(60_000);
  }
  isSettled = true;
  expect(missed.mayBegin(due)).toBe(false);
  expect(missed.mayBegin(due)).toBe(true);
});
