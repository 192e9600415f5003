/**
 * The truth of heartbeats (ux.md §4.2), from the instants that the vault acknowledged: late beyond 1.5 intervals,
 * offline beyond 2 intervals and 20 s, well again only after two good beats in a row, so that the word does not flap.
 */
export type HeartbeatTruth = 'ok' | 'late' | 'offline' | 'none';

export const heartbeatIntervalMs = 30_000;

/** `beats`: instants, newest last. `none`: the vault has acknowledged nothing yet. */
export function judgeHeartbeat(beats: readonly number[], now: number, intervalMs = heartbeatIntervalMs): HeartbeatTruth {
  const newest = beats.at(-1);
  if (newest === undefined) return 'none';
  const lateAfterMs = 1.5 * intervalMs;
  const age = now - newest;
  if (age > 2 * intervalMs + 20_000) return 'offline';
  if (age > lateAfterMs) return 'late';
  const before = beats.at(-2);
  if (before !== undefined && newest - before > lateAfterMs) return 'late';
  return 'ok';
}

export type BeatMark = 'on-time' | 'missing' | 'not-known';

/** As many instants as the daemon keeps of each agent (protocol/local/state.ts). */
const keptBeats = 5;

/**
 * The last beats as a strip, oldest first. What lies before the first beat that was kept is not known, not missing: the
 * agent may be young, or have told several changes of state at once.
 */
export function beatStrip(beats: readonly number[], now: number, intervalMs = heartbeatIntervalMs): readonly BeatMark[] {
  const first = beats[0];
  return Array.from({ length: keptBeats }, (_, index): BeatMark => {
    const until = now - (keptBeats - 1 - index) * intervalMs;
    if (beats.some((beat) => beat > until - 1.5 * intervalMs && beat <= until)) return 'on-time';
    return first === undefined || until < first ? 'not-known' : 'missing';
  });
}
