/**
 * Rotations that could not begin when they were due (the vault was down, or no published agent there) do not begin together:
 * each waits for a moment of its own. The plan in the store stays as it is, since the wall clock may be wrong: one that is ahead for
 * minutes is not to move anything by days. So a restart makes them wait anew.
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
  /** By secret; `beginsAt` by the clock that never jumps. */
  readonly #waiting = new Map<string, { readonly dueAt: number; readonly beginsAt: number }>();

  constructor(parts: { readonly clock: Clock; readonly random: Pick<Random, 'fraction'> }) {
    this.#parts = parts;
  }

  /** Ask only while the wall clock is believed; the first question about a missed rotation is when its waiting begins. */
  readonly mayBegin = ({ secretId, dueAt, intervalMs }: DueRotation): boolean => {
    const { clock, random } = this.#parts;
    const known = this.#waiting.get(secretId);
    if (known?.dueAt === dueAt) return clock.monotonic() >= known.beginsAt;
    if (clock.now() - dueAt <= missedAfterMs) return true;
    const delayMs = Math.floor(random.fraction() * Math.min(spreadOverMs, intervalMs));
    this.#waiting.set(secretId, { dueAt, beginsAt: clock.monotonic() + delayMs });
    return false;
  };
}
