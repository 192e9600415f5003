/** Spans of time in the words of a table: `4s`, `71s`, `5m`, `3h 20m`, `3d 4h`; a dash where there is none. */

/** How long ago, or how far ahead; negative spans (a clock that runs apart) count as zero. */
export function spanWords(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '—';
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days}d` : `${days}d ${hours % 24}h`;
}

/** When something is due: `now` once it is, a span before. */
export function dueWords(at: number | null, now: number): string {
  if (at === null) return '—';
  return at <= now ? 'now' : spanWords(at - now);
}

/** `14:02:11Z`. */
export function clockWords(now: number): string {
  return `${new Date(now).toISOString().slice(11, 19)}Z`;
}

/** Wall-clock instant for tables: `2026-11-21 14:02:11Z`. */
export function instantWords(at: number | null): string {
  return at === null ? '—' : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** `+0.3 s`: the vault's clock minus ours. */
export function skewWords(ms: number | null): string {
  if (ms === null) return '—';
  return `${ms < 0 ? '−' : '+'}${(Math.abs(ms) / 1000).toFixed(1)} s`;
}
