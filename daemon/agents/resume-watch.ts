/**
 * Whether this host has just resumed from suspend (C16): the wall clock then runs ahead of the monotonic clock, which
 * stands still meanwhile. Network and database may not be back, so no rotation begins in the first minute after.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';

export const holdAfterResumeMs = 60_000;
/** A corrected clock moves less than this between two looks, or backwards. */
const shortestSuspendMs = 30_000;

/** One look at both clocks, in milliseconds. */
export interface ClockLook {
  readonly now: number;
  readonly monotonic: number;
}

/** Whether the host stood still between two looks; pure. */
export function hasSlept(before: ClockLook, after: ClockLook): boolean {
  return after.now - before.now - (after.monotonic - before.monotonic) > shortestSuspendMs;
}

export class ResumeWatch {
  readonly #clock: Clock;
  #lastLook: ClockLook;
  /** Monotonic milliseconds. */
  #heldUntil: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastLook = lookAt(clock);
    this.#heldUntil = this.#lastLook.monotonic;
  }

  /** Looks, and answers for how many more milliseconds no new work may begin; 0 when it may. */
  heldForMs(): number {
    const look = lookAt(this.#clock);
    if (hasSlept(this.#lastLook, look)) this.#heldUntil = look.monotonic + holdAfterResumeMs;
    this.#lastLook = look;
    return Math.max(0, this.#heldUntil - look.monotonic);
  }
}

function lookAt(clock: Clock): ClockLook {
  return { now: clock.now(), monotonic: clock.monotonic() };
}
