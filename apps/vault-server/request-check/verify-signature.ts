/**
 * Verifies Ed25519 signatures with node:crypto. Key objects are kept, since making one costs as much as a verification.
 * An unknown identity is verified against a key that nobody has, so that it takes the same time.
 *
 * On this thread and not on the pool: the hand-over costs a fifth of a read's CPU (measured: 310 against 250 µs), and
 * answers that trickle back from the pool arrive too late to share one commit of the store.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { emptyBodySha256, signedPayload } from '@sikkerkey/protocol/signing.ts';

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410 §4); the 32 raw bytes follow. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: Buffer;
  /** The exact bytes received. */
  readonly body: Uint8Array;
}

export class SignatureVerifier {
  readonly #keys = new Map<string, KeyObject>();
  readonly #limit: number;
  readonly #nobody: KeyObject;

  /** `limit`: public keys held at most; the oldest goes first. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#nobody = generateKeyPairSync('ed25519').publicKey;
  }

  /** Whether `publicKey` (base64 of the raw 32 bytes; null for an unknown identity) signed exactly this request. */
  verify(request: SignedRequest, publicKey: string | null): boolean {
    const bodySha256 = request.body.length === 0 ? emptyBodySha256 : createHash('sha256').update(request.body).digest('hex');
    const { method, path, timestamp, nonce } = request;
    const payload = Buffer.from(signedPayload({ method, path, timestamp, nonce, bodySha256 }), 'utf8');
    const key = publicKey === null ? this.#nobody : this.#keyOf(publicKey);
    const holds = verify(null, payload, key, request.signature);
    return holds && publicKey !== null;
  }

  #keyOf(publicKey: string): KeyObject {
    const known = this.#keys.get(publicKey);
    if (known !== undefined) return known;
    const key = keyObject(Buffer.from(publicKey, 'base64'));
    if (this.#keys.size >= this.#limit) {
      const [oldest] = this.#keys.keys();
      if (oldest !== undefined) this.#keys.delete(oldest);
    }
    this.#keys.set(publicKey, key);
    return key;
  }
}

/** Whether the text is standard base64 of 32 bytes, in its one canonical form. */
export function isPublicKey(text: string): boolean {
  const raw = Buffer.from(text, 'base64');
  return raw.length === 32 && raw.toString('base64') === text;
}

function keyObject(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' });
}
