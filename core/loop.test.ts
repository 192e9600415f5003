import { describe, expect, it } from 'vitest';
import { FakeClock } from '../test/support/fake-clock.ts';
import { type Loop, type LoopOptions, startLoop } from './loop.ts';

const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 };

interface Bench {
  readonly clock: FakeClock;
  readonly loop: Loop;
  readonly stop: AbortController;
  readonly startedAt: number[];
}

function start(options: Partial<LoopOptions> & { readonly work?: (runs: number) => ReturnType<LoopOptions['run']> } = {}): Bench {
  const clock = new FakeClock();
  const stop = new AbortController();
  const startedAt: number[] = [];
  const { work = () => Promise.resolve(undefined), ...rest } = options;
  const loop = startLoop(
    {
      name: 'probe',
      intervalMs: 1_000,
      run: () => {
        startedAt.push(clock.monotonic());
        return work(startedAt.length);
      },
      classify: () => 'retry',
      ...rest,
    },
    { clock, random },
    stop.signal,
  );
  return { clock, loop, stop, startedAt };
}

describe('a loop', () => {
  it('runs at once and then at each interval', async () => {
    const { clock, startedAt } = start();

    await clock.waitUntilSleeping();
    await clock.advance(2_500);

    expect(startedAt).toEqual([0, 1_000, 2_000]);
  });

  it('runs now when it is triggered, and counts the interval from there', async () => {
    const { clock, loop, startedAt } = start();
    await clock.waitUntilSleeping();
    await clock.advance(300);

    loop.trigger();
    await clock.advance(1_000);

    expect(startedAt).toEqual([0, 300, 1_300]);
  });

  it('runs once more when it is triggered in the middle of a run, however often', async () => {
    const gate = Promise.withResolvers<undefined>();
    const { clock, loop, startedAt } = start({ work: (runs) => (runs === 1 ? gate.promise : Promise.resolve(undefined)) });
    await clock.advance(0);

    loop.trigger();
    loop.trigger();
    gate.resolve(undefined);
    await clock.waitUntilSleeping();

    expect(startedAt).toEqual([0, 0]);
  });

  it('waits for a trigger alone where it has no interval', async () => {
    const { clock, loop, startedAt } = start({ intervalMs: null, firstRunInMs: null });

    await clock.advance(1_000_000);
    loop.trigger();
    await clock.advance(1_000_000);

    expect(startedAt).toEqual([1_000_000]);
    expect(loop.status()).toMatchObject({ phase: 'waiting', nextRunAt: null, runs: 1 });
  });

  it('comes back when the run says so', async () => {
    const { clock, startedAt } = start({ work: (runs) => Promise.resolve(runs === 1 ? { nextInMs: 40 } : undefined) });

    await clock.waitUntilSleeping();
    await clock.advance(40);

    expect(startedAt).toEqual([0, 40]);
  });

  it('backs off further after each failure in a row and forgets them after a success', async () => {
    const { clock, loop, startedAt } = start({
      backoff: { firstMs: 200, factor: 2, maxMs: 10_000 },
      work: (runs) => (runs <= 3 ? Promise.reject(new Error('not yet')) : Promise.resolve(undefined)),
    });

    await clock.waitUntilSleeping();
    await clock.advance(500);
    const during = loop.status();
    await clock.advance(200);

    expect(startedAt).toEqual([0, 100, 300, 700]);
    expect(during.consecutiveFailures).toBe(3);
    expect(during.lastError).toMatchObject({ message: 'not yet' });
    expect(loop.status()).toMatchObject({ consecutiveFailures: 0, lastError: null });
  });

  it('ends and rejects with a failure that its classification calls final', async () => {
    const { loop, clock } = start({ classify: () => 'stop', work: () => Promise.reject(new Error('a defect')) });

    await expect(loop.done).rejects.toThrow('a defect');
    expect(loop.status().phase).toBe('ended');
    expect(clock.sleeping).toBe(0);
  });

  it('ends with the signal while it waits, leaving nothing behind', async () => {
    const { loop, stop, clock } = start();
    await clock.waitUntilSleeping();

    stop.abort();
    await loop.done;

    expect(clock.sleeping).toBe(0);
    expect(loop.status()).toMatchObject({ phase: 'ended', nextRunAt: null });
  });

  it('ends with the signal while it runs, once the run has seen it', async () => {
    const { loop, stop, clock } = start({
      run: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await clock.advance(0);

    stop.abort(new Error('shutting down'));

    await expect(loop.done).resolves.toBeUndefined();
  });

  it('says when it runs next', async () => {
    const { loop, clock } = start();

    await clock.waitUntilSleeping();

    expect(loop.status()).toMatchObject({ name: 'probe', phase: 'waiting', runs: 1, lastStartedAt: 0, lastEndedAt: 0, nextRunAt: 1_000 });
  });
});
