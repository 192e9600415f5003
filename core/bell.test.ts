import { describe, expect, it } from 'vitest';
import { FakeClock } from '../test/support/fake-clock.ts';
import { createBell, cutShortBy } from './bell.ts';

describe('a sleep that a bell cuts short', () => {
  function fallAsleep(signal?: AbortSignal): { clock: FakeClock; ring: () => void; woke: Promise<number>; again: () => Promise<void> } {
    const clock = new FakeClock();
    const bell = createBell();
    const cut = cutShortBy(bell, clock);
    const woke = cut.sleep(30_000, signal).then(() => cut.monotonic());
    return { clock, ring: bell.ring, woke, again: () => cut.sleep(30_000) };
  }

  it('lasts its time where nobody rings', async () => {
    const { clock, woke } = fallAsleep();

    await clock.advance(30_000);

    expect(await woke).toBe(30_000);
  });

  it('ends at the ring, and the next one lasts its time again', async () => {
    const { clock, ring, woke, again } = fallAsleep();
    await clock.advance(2_000);

    ring();
    expect(await woke).toBe(2_000);

    const next = again();
    await clock.waitUntilSleeping();
    expect(clock.nextWakeInMs).toBe(30_000);
    await clock.advance(30_000);
    await next;
  });

  it('rejects with the reason of its signal, as the clock does', async () => {
    const stop = new AbortController();
    const { clock, woke } = fallAsleep(stop.signal);
    const rejected = expect(woke).rejects.toThrow('over');
    await clock.waitUntilSleeping();

    stop.abort(new Error('over'));

    await rejected;
    expect(clock.sleeping).toBe(0);
  });
});
