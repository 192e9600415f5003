import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { EventHub } from './events/event-hub.ts';
import { startScheduler } from './scheduler.ts';
import type { VaultParts } from './vault-parts.ts';

const stopping: AbortController[] = [];
afterEach(() => {
  for (const controller of stopping.splice(0)) controller.abort();
});

function start(
  options: { sealed?: boolean; dueAt?: number | null; fails?: boolean | string; running?: boolean; untilEndMs?: number } = {},
) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const counts: number[] = [];
  let woken = 0;
  const hub = new EventHub();
  hub.add({ wake: () => (woken += 1), close: () => undefined });
  const counted = (name: string, result: number) => async (): Promise<number> => {
    calls.push(name);
    if (options.fails === true || options.fails === name) throw new Error('the disk is full');
    return result;
  };
  const storage = {
    eventCursor: async () => '1',
    nextDueAt: async () => (options.dueAt === undefined ? clock.now() : options.dueAt),
    requestDueRotations: counted('due', 1),
    untilNextEnd: async () => (options.running ? (options.untilEndMs ?? 60_000) : null),
    growOlder: async ({ elapsedMs }: { elapsedMs: number }) => {
      counts.push(elapsedMs);
      return counted('older', 0)();
    },
    expireClaims: counted('claims', 0),
    extendDrains: counted('extend', 1),
    prune: counted('prune', 0),
    bringForward: counted('plan', 1),
    refusedUntil: async () => null,
    mayRefuse: async () => false,
    refusedNext: async () => null,
  };
  const logged: string[] = [];
  const log = {
    debugging: false,
    write: (_level: string, event: string) => logged.push(event),
    failure: (event: string) => logged.push(event),
  };
  const keyring = { sealed: options.sealed ?? false };
  const vault = { storage, clock, random: systemRandom, hub, log, keyring } as unknown as VaultParts;
  const controller = new AbortController();
  stopping.push(controller);
  const scheduler = startScheduler(vault, controller.signal);
  return { scheduler, clock, calls, counts, logged, keyring, options, woken: () => woken, controller };
}

/** After the first tick, which ends the silence before the start. */
async function awake(options: Parameters<typeof start>[0] = {}) {
  const started = start(options);
  await started.clock.waitUntilSleeping();
  started.calls.length = 0;
  return started;
}

test('what is due is done within a second or so, and listeners are woken', async () => {
  const { clock, calls, woken } = await awake();

  await clock.advance(1_200);
  expect(calls).toEqual(['due', 'claims']);
  expect(woken()).toBe(1);
  await clock.advance(1_200);
  expect(calls).toHaveLength(4);
});

const silenceOver = ['extend', 'claims'];

test('a vault that begins gives drains time again before anything runs out', async () => {
  const { clock, calls, logged } = start();
  await clock.waitUntilSleeping();

  expect(calls).toEqual(silenceOver);
  expect(logged).toContain('drain.extended');
});

test.each([90_000, -90_000])('a wall clock that jumps by %i ms begins and forgets nothing until it has settled', async (jump) => {
  const { clock, calls } = await awake({ running: true });
  await clock.advance(3_600_000);
  clock.jump(jump);
  calls.length = 0;

  await clock.advance(890_000);
  expect(calls.slice(0, 2)).toEqual(['extend', 'claims']);
  expect(new Set(calls)).toEqual(new Set(['extend', 'claims', 'older']));
  expect(calls.filter((call) => call === 'extend')).toHaveLength(1);
  calls.length = 0;
  await clock.advance(80_000);
  expect(calls).toContain('due');
  expect(calls).toContain('prune');
});

test('the age is counted every five seconds while something runs, at its end, and once a minute while nothing does', async () => {
  const { clock, counts, options } = await awake({ dueAt: null, running: true });
  await clock.advance(30_000);
  expect(counts.length).toBeLessThan(7);
  expect(Math.max(...counts)).toBeLessThan(6_300);
  expect(counts.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(23_500);
  options.untilEndMs = 2_000;
  await clock.advance(6_000);
  counts.length = 0;
  await clock.advance(30_000);
  expect(counts.length).toBeGreaterThan(8);
  expect(Math.max(...counts)).toBeLessThan(3_200);
  options.running = false;
  counts.length = 0;

  await clock.advance(125_000);
  expect(counts).toHaveLength(2);
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(60_000);
  expect(Math.max(...counts)).toBeLessThan(62_200);
});

test('time in which the store could not be written is a silence, and is not counted', async () => {
  const { clock, calls, counts, options } = await awake({ dueAt: null, running: true });
  options.fails = true;
  await clock.advance(6_500);
  expect(counts).not.toEqual([]);
  options.fails = false;
  counts.length = 0;
  calls.length = 0;

  // The pause before the next attempt has its jitter; what is counted first begins behind the silence, whenever that ended.
  await clock.advance(20_000);
  expect(calls[0]).toBe('extend');
  expect(counts.length).toBeGreaterThan(0);
  expect(counts[0]).toBeLessThanOrEqual(6_200);
});

test.each(['prune', 'due', 'claims', 'plan'])('a failure of "%s" is logged, tried again after a pause, and no silence', async (fails) => {
  const { clock, calls, counts, logged } = await awake({ running: true, fails });
  await clock.advance(960_000);

  const again = calls.filter((call) => call === fails).length;
  expect(again).toBeGreaterThan(0);
  expect(again).toBeLessThan(35);
  expect(logged.filter((event) => event === 'schedule.failed').length).toBeGreaterThanOrEqual(again);
  expect(calls).not.toContain('extend');
  expect(counts.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(950_000);
});

test('what a clock ahead of its time planned is looked for once the clock has gone right for as long as a nonce is kept', async () => {
  const { clock, calls } = await awake();
  await clock.advance(898_000);
  expect(calls).not.toContain('plan');
  await clock.advance(4_000);
  expect(calls.filter((call) => call === 'plan')).toHaveLength(1);

  clock.jump(50 * 365 * 86_400_000);
  await clock.advance(898_000);
  expect(calls.filter((call) => call === 'plan')).toHaveLength(1);
  await clock.advance(4_000);
  expect(calls.filter((call) => call === 'plan')).toHaveLength(2);
});

test('a wall clock that is corrected by seconds changes nothing', async () => {
  const { clock, calls } = await awake();
  clock.jump(5_000);

  await clock.advance(1_200);
  expect(calls).toEqual(['due', 'claims']);
});

test('a vault that was sealed begins anew', async () => {
  const { clock, calls, keyring } = await awake();
  keyring.sealed = true;
  await clock.advance(2_400);
  calls.length = 0;
  keyring.sealed = false;

  await clock.advance(1_200);
  expect(calls.slice(0, 2)).toEqual(silenceOver);
});

test('nothing is done while nothing is due', async () => {
  const { clock, calls } = await awake({ dueAt: null });
  await clock.advance(10_000);

  expect(calls).toEqual([]);
});

test('old rows are forgotten once a minute, when the clock has gone right since the start for as long as a nonce is kept', async () => {
  const { clock, calls } = await awake({ dueAt: null });
  await clock.advance(898_000);
  expect(calls).not.toContain('prune');

  await clock.advance(125_000);

  expect(calls.filter((call) => call === 'prune')).toHaveLength(3);
});

test('a sealed vault does nothing', async () => {
  const { clock, calls } = start({ sealed: true });
  await clock.waitUntilSleeping();
  await clock.advance(120_000);

  expect(calls).toEqual([]);
});

test('a failure is logged and tried again', async () => {
  const { clock, calls, logged } = start({ fails: true });
  await clock.waitUntilSleeping();
  await clock.advance(60_000);

  expect(logged).toContain('schedule.failed');
  expect(calls.length).toBeGreaterThan(1);
});

test('ends when told to', async () => {
  const { scheduler, controller } = start();

  controller.abort();

  await expect(scheduler.done).resolves.toBeUndefined();
});
