/** A refusal of the daemon as data: code and facts, never prose. A newer daemon's code is kept although we do not know it. */
import type { LocalError } from '@sikkerkey/protocol/local/methods.ts';

export type ErrorDetails = Readonly<Record<string, string | number>>;

export class DaemonError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly details: ErrorDetails;

  constructor(data: Pick<LocalError, 'code' | 'retryable' | 'details'> & { readonly retryAfterMs?: number | undefined }) {
    super(data.code);
    this.name = 'DaemonError';
    this.code = data.code;
    this.retryable = data.retryable;
    this.retryAfterMs = data.retryAfterMs ?? null;
    this.details = data.details;
  }
}

/** Reads the `error` member of a JSON-RPC reply; what is not of the agreed form becomes `daemon-answer-unusable`. */
export function daemonErrorOf(error: unknown): DaemonError {
  const data = typeof error === 'object' && error !== null && 'data' in error ? error.data : undefined;
  if (typeof data === 'object' && data !== null && 'code' in data && typeof data.code === 'string') {
    return new DaemonError({
      code: data.code,
      retryable: 'retryable' in data && data.retryable === true,
      retryAfterMs: 'retryAfterMs' in data && typeof data.retryAfterMs === 'number' ? data.retryAfterMs : undefined,
      details: 'details' in data ? detailsOf(data.details) : {},
    });
  }
  const number = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number' ? error.code : 0;
  return new DaemonError({ code: 'daemon-answer-unusable', retryable: false, details: { rpcCode: number } });
}

function detailsOf(value: unknown): ErrorDetails {
  if (typeof value !== 'object' || value === null) return {};
  const kept = Object.entries(value).filter(
    (pair): pair is [string, string | number] => typeof pair[1] === 'string' || typeof pair[1] === 'number',
  );
  return Object.fromEntries(kept);
}
