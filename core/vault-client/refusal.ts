/** What the vault answers when it does not do what was asked: a status, a code and facts. Its prose is never kept. */
import { errorCodeHeader } from '@sikkerkey/protocol/signing.ts';
import type { VaultResponse } from './transport.ts';

export class VaultRefusal extends Error {
  readonly status: number;
  /** The catalogue's code, or `http-STATUS` where the vault named none. */
  readonly code: string;
  readonly details: Readonly<Record<string, string | number>>;
  /** When the vault said how long to wait. */
  readonly retryAfterMs: number | null;

  constructor(status: number, code: string, details: Readonly<Record<string, string | number>>, retryAfterMs: number | null) {
    super(`vault refused: ${status} ${code}`);
    this.name = 'VaultRefusal';
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same request may succeed later without anybody's doing. */
  get temporary(): boolean {
    return this.status === 423 || this.status === 429 || this.status >= 500;
  }
}

/** Reads a refusal in either form: /v2 has code and facts in the body, /v1 the code in a header. Never throws. */
export function refusalOf(response: Pick<VaultResponse, 'status' | 'headers' | 'body'>): VaultRefusal {
  const body = objectOf(response.body)?.['error'];
  const error = isObject(body) ? body : {};
  const code = codeOf(error['code']) ?? codeOf(response.headers[errorCodeHeader]) ?? `http-${response.status}`;
  const inBody = error['retryAfterMs'];
  const retryAfterMs = typeof inBody === 'number' && inBody >= 0 ? inBody : retryAfterOf(response.headers['retry-after']);
  return new VaultRefusal(response.status, code, detailsOf(error['details']), retryAfterMs);
}

function codeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(value) ? value : undefined;
}

function retryAfterOf(header: string | undefined): number | null {
  return header !== undefined && /^[0-9]{1,6}$/.test(header) ? Number(header) * 1000 : null;
}

function detailsOf(value: unknown): Readonly<Record<string, string | number>> {
  if (!isObject(value)) return {};
  const kept = Object.entries(value).filter((entry): entry is [string, string | number] => {
    const [, fact] = entry;
    return typeof fact === 'number' || (typeof fact === 'string' && fact.length <= 256);
  });
  return Object.fromEntries(kept);
}

function objectOf(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(parsed) ? parsed : null;
  } catch {
    // A refusal without a readable body is still a refusal; its status says enough.
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
