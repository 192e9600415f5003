import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { hasSlept, holdAfterResumeMs, ResumeWatch } from './resume-watch.ts';

describe('a host that was suspended', () => {
  test('is known by a wall clock that ran ahead of the monotonic one', () => {
    const before = { now: 1_000_000, monotonic: 500 };

    expect(hasSlept(before, { now: 1_600_000, monotonic: 600_500 })).toBe(false);
    expect(hasSlept(before, { now: 1_030_000, monotonic: 500 })).toBe(false);
    expect(hasSlept(before, { now: 1_030_001, monotonic: 500 })).toBe(true);
    expect(hasSlept(before, { now: 0, monotonic: 500 })).toBe(false);
  });

  test('begins nothing for a minute, and then again as before', async () => {
    const clock = new FakeClock();
    const watch = new ResumeWatch(clock);
    await clock.advance(3_600_000);
    expect(watch.heldForMs()).toBe(0);

    clock.jump(8 * 3_600_000);

    expect(watch.heldForMs()).toBe(holdAfterResumeMs);
    await clock.advance(59_000);
    expect(watch.heldForMs()).toBe(1_000);
    await clock.advance(1_000);
    expect(watch.heldForMs()).toBe(0);
  });
});
