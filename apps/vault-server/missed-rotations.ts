/**
 * Rotations that could not begin when they were due (the vault was down, or no published agent there) do not begin together:
 * each waits for a moment of its own, and all of them until the wall clock is believed, since one that is ahead makes every plan
 * look missed. The plan in the store stays as it is: a clock that is put right finds it. So a restart makes them wait anew.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { DueRotation } from './storage/tick-operations.ts';

/** One that is found this late or later was missed. */
const missedAfterMs = 30_000;
/** They begin within this time, or within their interval where that is shorter, evenly spread. */
const spreadOverMs = 300_000;

export class MissedRotations {
  readonly #parts: { readonly clock: Clock; readonly random: Pick<Random, 'fraction'> };
  readonly #isClockSettled: () => boolean;
  /** By secret; `beginsAt` by the clock that never jumps. */
  readonly #waiting = new Map<string, { readonly dueAt: number; readonly beginsAt: number }>();

  constructor(parts: { readonly clock: Clock; readonly random: Pick<Random, 'fraction'> }, isClockSettled: () => boolean) {
    this.#parts = parts;
    this.#isClockSettled = isClockSettled;
  }

  /** The first question about a missed rotation once the clock has settled is when its waiting begins. */
  readonly mayBegin = ({ secretId, dueAt, intervalMs }: DueRotation): boolean => {
    const { clock, random } = this.#parts;
    const known = this.#waiting.get(secretId);
    if (known?.dueAt === dueAt) return clock.monotonic() >= known.beginsAt;
    if (clock.now() - dueAt <= missedAfterMs) return true;
    if (!this.#isClockSettled()) return false;
    const delayMs = Math.floor(random.fraction() * Math.min(spreadOverMs, intervalMs));
    this.#waiting.set(secretId, { dueAt, beginsAt: clock.monotonic() + delayMs });
    return false;
  };
}
