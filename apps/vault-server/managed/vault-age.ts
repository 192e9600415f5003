/**
 * The vault's age: milliseconds in which it demonstrably could be heard. It grows only with ticks that ran on time, in an
 * unsealed vault, and could be written; and by no more than both clocks agree on. What must last for a time that readers
 * had (drains, holds) or that a database may need (sealed values) ends at an age, never at a time of the wall clock: no
 * jump, sleep, stop or full disk can end it early. Only the tick makes the vault older, so only the tick ends anything.
 */
export interface VaultAge {
  readonly ageMs: number;
  /** The wall clock when it was counted last. */
  readonly countedAt: number;
}

/** However little there is to do, the tick counts this often; and no two counts are taken for further apart. */
export const countAtLeastEveryMs = 60_000;
/** While something runs towards its end, this often, and at that end: each count is a write, and what a stop loses lengthens drains. */
export const countWhileEndingMs = 5_000;
const longestUncountedMs = countAtLeastEveryMs + 5_000;

/**
 * The age at this moment, at most: what began now may not be charged with the time before it that is not counted yet.
 * For beginnings and for what people are shown; what is over is decided by the counted age alone.
 */
export function ageAt(age: VaultAge, now: number): number {
  return age.ageMs + Math.min(Math.max(0, now - age.countedAt), longestUncountedMs);
}

/** How much older the vault is, when its process measured `elapsedMs` since the last count; no more than the wall clock says. */
export function grownBy(age: VaultAge, now: number, elapsedMs: number): number {
  return Math.max(0, Math.min(elapsedMs, now - age.countedAt));
}

/** Milliseconds until that age, if the vault is heard all the while. */
export function untilAge(endsAtAge: number, age: VaultAge, now: number): number {
  return Math.max(0, endsAtAge - ageAt(age, now));
}

/** The wall clock's time at that age, for people: the earliest, if the vault is heard all the while. */
export function timeOfAge(endsAtAge: number, age: VaultAge, now: number): number {
  return now + endsAtAge - ageAt(age, now);
}
