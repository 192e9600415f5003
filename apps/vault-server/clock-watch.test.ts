import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { ClockWatch } from './clock-watch.ts';

async function watched() {
  const clock = new FakeClock();
  const watch = new ClockWatch(clock);
  await clock.advance(1_000);
  return { clock, watch };
}

test('a tick on time vouches for the time since the last one', async () => {
  const { watch } = await watched();

  expect(watch.tick()).toEqual({ heardMs: 1_000, silent: false });
});

test('a process that was stopped was silent, and hardly any of it counts', async () => {
  const { clock, watch } = await watched();
  await clock.advance(22_000);

  expect(watch.tick()).toEqual({ heardMs: 2_000, silent: true });
  await clock.advance(1_000);
  expect(watch.tick()).toEqual({ heardMs: 1_000, silent: false });
});

test('a tick that comes seconds late is no silence, and does not count for all of it', async () => {
  const { clock, watch } = await watched();
  await clock.advance(5_000);

  expect(watch.tick()).toEqual({ heardMs: 2_000, silent: false });
});

test.each([90_000, -90_000])('a wall clock that jumps by %i ms is a silence, and believed again after it has settled', async (jump) => {
  const { clock, watch } = await watched();
  clock.jump(jump);
  expect(watch.tick().silent).toBe(true);
  expect(watch.hasNotJumpedFor(900_000)).toBe(false);

  await clock.advance(899_999);
  expect(watch.hasNotJumpedFor(900_000)).toBe(false);
  await clock.advance(1);
  expect(watch.hasNotJumpedFor(900_000)).toBe(true);
  expect(watch.agreesFor(900_000)).toBe(true);
});

test('a wall clock that is corrected by seconds is none', async () => {
  const { clock, watch } = await watched();
  clock.jump(5_000);

  expect(watch.tick()).toEqual({ heardMs: 1_000, silent: false });
  expect(watch.hasNotJumpedFor(900_000)).toBe(true);
});

test('the clock that a process finds at its start is believed for schedules, and not yet for forgetting', async () => {
  const { clock, watch } = await watched();

  expect(watch.hasNotJumpedFor(900_000)).toBe(true);
  expect(watch.agreesFor(900_000)).toBe(false);
  await clock.advance(899_000);
  expect(watch.agreesFor(900_000)).toBe(true);
});
