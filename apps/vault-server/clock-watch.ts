/**
 * Watches the wall clock against the one that never jumps, from tick to tick: how long the vault was heard, whether there
 * was a silence, and since when the wall clock may be believed. Keeps nothing over a restart: it then begins to doubt anew.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';

/** A wall clock that moved this much against the other one between two ticks was set, or the host slept. */
const jumpMs = 60_000;
/** Ticks further apart than this: the process was stopped, or had no processor. */
const silentAfterMs = 10_000;
/** What one tick can vouch for at most: ticks are a second apart, and between later ones nobody may have been answered. */
const heardPerTickMs = 2_000;

export interface SinceLastTick {
  /** Milliseconds in which the process ran on time. */
  readonly heardMs: number;
  /** For some of the time nobody could be heard, or nobody knows how long it was. */
  readonly silent: boolean;
}

export class ClockWatch {
  readonly #clock: Clock;
  #tickedAt: number;
  #ahead: number;
  #doubtedAt: number;
  #jumpedAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tickedAt = clock.monotonic();
    this.#doubtedAt = this.#tickedAt;
    this.#ahead = clock.now() - this.#tickedAt;
  }

  /** Call once a tick. */
  tick(): SinceLastTick {
    const monotonic = this.#clock.monotonic();
    const ahead = this.#clock.now() - monotonic;
    const elapsedMs = monotonic - this.#tickedAt;
    const jumped = Math.abs(ahead - this.#ahead) > jumpMs;
    this.#tickedAt = monotonic;
    this.#ahead = ahead;
    if (jumped) {
      this.#jumpedAt = monotonic;
      this.#doubtedAt = monotonic;
    }
    return { heardMs: Math.min(elapsedMs, heardPerTickMs), silent: jumped || elapsedMs > silentAfterMs };
  }

  /** The wall clock went as the other one does for this long, counted from the start of the process. */
  agreesFor(ms: number): boolean {
    return this.#clock.monotonic() - this.#doubtedAt >= ms;
  }

  /** The same, where the clock that the process found at its start is believed. */
  hasNotJumpedFor(ms: number): boolean {
    return this.#jumpedAt === null || this.#clock.monotonic() - this.#jumpedAt >= ms;
  }
}
