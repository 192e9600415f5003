/** Spans as people type them: `90s`, `15m`, `12h`, `30d`, `500ms`, or `off`. */
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Null when the text is no span; `ms: null` for `off`. */
export function parseDuration(text: string): { readonly ms: number | null } | null {
  if (text === 'off') return { ms: null };
  const match = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text);
  const unit = unitMs[match?.[2] ?? ''];
  return match?.[1] === undefined || unit === undefined ? null : { ms: Number(match[1]) * unit };
}
