/**
 * Reads the four headers of a signed request and bounds their shape (wire-runtime §1.1, §1.4). Says nothing about
 * whether they are true.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import { maxNonceLength, nonceHeader, signatureHeader, timestampHeader } from '@sikkerkey/protocol/signing.ts';

export interface SignedHeaders {
  readonly identity: string;
  /** As sent: the signature covers these characters. */
  readonly timestamp: string;
  readonly timestampSeconds: number;
  readonly nonce: string;
  readonly signature: Buffer;
}

export type HeaderReading =
  | { readonly kind: 'read'; readonly headers: SignedHeaders }
  /** No identity or no signature: the caller does not try to authenticate. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed'; readonly header: string };

const timestampPattern = /^[0-9]{1,12}$/;
/** Visible ASCII without the colon that separates the signed parts; a repeated header arrives with a blank and is refused. */
const noncePattern = new RegExp(`^[\\x21-\\x39\\x3b-\\x7e]{1,${maxNonceLength}}$`);
/** Padded standard base64 of 64 bytes. */
const signaturePattern = /^[A-Za-z0-9+/]{85}[AQgw]==$/;

/** Reads the headers of the identity class that `identityName` stands for; never throws. */
export function readSignedHeaders(headers: IncomingHttpHeaders, identityName: string): HeaderReading {
  const identity = headers[identityName];
  const timestamp = headers[timestampHeader];
  const nonce = headers[nonceHeader];
  const signature = headers[signatureHeader];
  if (identity === undefined || timestamp === undefined || nonce === undefined || signature === undefined) return { kind: 'absent' };
  if (typeof identity !== 'string' || !isIdentifier(identity)) return { kind: 'malformed', header: identityName };
  if (typeof timestamp !== 'string' || !timestampPattern.test(timestamp)) return { kind: 'malformed', header: timestampHeader };
  if (typeof nonce !== 'string' || !noncePattern.test(nonce)) return { kind: 'malformed', header: nonceHeader };
  if (typeof signature !== 'string' || !signaturePattern.test(signature)) return { kind: 'malformed', header: signatureHeader };
  return {
    kind: 'read',
    headers: { identity, timestamp, timestampSeconds: Number(timestamp), nonce, signature: Buffer.from(signature, 'base64') },
  };
}
