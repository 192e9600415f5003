/**
 * The bytes that a signed request commits to (wire-runtime §1.1–1.2). Pure text: hashing the body and signing are the
 * caller's, because the parties hold different keys and different crypto libraries.
 */
export const identityHeader = 'x-machine-id';
export const operatorHeader = 'x-operator-id';
export const timestampHeader = 'x-timestamp';
export const nonceHeader = 'x-nonce';
export const signatureHeader = 'x-signature';
/** Where a /v1 refusal carries its catalogue code; the body must keep to `{"error": …}` (wire-runtime §2.0). */
export const errorCodeHeader = 'x-sikkerkey-error';

/** SHA-256 of no bytes: what a request without a body commits to. */
export const emptyBodySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Seconds that a timestamp may differ from the server's clock, boundary included (wire-runtime §1.4). */
export const clockWindowSeconds = 300;
/** Seconds that a nonce is remembered: a timestamp from the far end of the window stays valid this long. */
export const nonceRetentionSeconds = 660;
export const maxNonceLength = 128;

export interface SignedParts {
  readonly method: string;
  /** Absolute path beginning at `/v1/` or `/v2/`; no query. */
  readonly path: string;
  /** Whole Unix seconds, decimal. */
  readonly timestamp: string;
  readonly nonce: string;
  /** Lower-case hex SHA-256 of the exact bytes sent. */
  readonly bodySha256: string;
}

/** `METHOD:PATH:TIMESTAMP:NONCE:BODYHASH`, the text whose UTF-8 bytes are signed with pure Ed25519. */
export function signedPayload(parts: SignedParts): string {
  return `${parts.method}:${parts.path}:${parts.timestamp}:${parts.nonce}:${parts.bodySha256}`;
}
