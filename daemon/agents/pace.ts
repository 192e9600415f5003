/** How the work of many agents is spread, so that an idle daemon with a thousand of them stays idle; pure. */
import type { Random } from '@sikkerkey/core/random.ts';

/** How old a configuration may be when work begins. */
export const configurationMaxAgeMs = 60_000;

/**
 * How long whoever was overtaken leaves the work to the one that overtook it, before it asks again. Work that did nothing is
 * never followed by more at once: no mistake may make an agent spin.
 */
export const supersededPauseMs = 2_000;

/** Between two glances of an agent that rests for a person: it reads whether that is still needed, and claims nothing. */
export const personsPauseMs = 60_000;

/** Drift is looked for every ten minutes; with more agents less often, so that there is at most one look a second. */
export function probePeriodMs(agents: number): number {
  return Math.max(600_000, agents * 1_000);
}

/** After a start the first looks are spread to two a second. Agents with work in flight do not wait for this. */
export function firstLookWithinMs(agents: number): number {
  return agents <= 4 ? 0 : agents * 500;
}

/** A restart is when drift is likeliest (a password changed while nobody looked), but a database that starts with this host is given time to do so. */
export function firstProbeInMs(agents: number, random: Random): number {
  return Math.round(10_000 + random.fraction() * (agents <= 4 ? 2_000 : Math.min(probePeriodMs(agents), agents * 1_000)));
}
