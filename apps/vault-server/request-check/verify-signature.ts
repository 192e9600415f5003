/**
 * Verifies Ed25519 signatures with libsodium, which takes less than half of the time that OpenSSL takes for it and
 * refuses keys of small order and forms that are not canonical (decision 0014). An unknown identity is verified against
 * a key that nobody has, so that it takes the same time.
 *
 * On this thread and not on the pool: the hand-over costs more than it saves, and answers that trickle back from the
 * pool arrive too late to share one commit of the store.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { emptyBodySha256, signedPayload } from '@sikkerkey/protocol/signing.ts';
import sodium from 'sodium-native';

const publicKeyBytes = 32;

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly timestamp: string;
  readonly nonce: string;
  /** 64 bytes. */
  readonly signature: Buffer;
  /** The exact bytes received. */
  readonly body: Uint8Array;
}

export class SignatureVerifier {
  readonly #nobody = Buffer.from(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');

  /** Whether `publicKey` (the raw 32 bytes; null for an unknown identity) signed exactly this request. */
  verify(request: SignedRequest, publicKey: Buffer | null): boolean {
    const bodySha256 = request.body.length === 0 ? emptyBodySha256 : createHash('sha256').update(request.body).digest('hex');
    const { method, path, timestamp, nonce } = request;
    const payload = Buffer.from(signedPayload({ method, path, timestamp, nonce, bodySha256 }), 'utf8');
    const holds = sodium.crypto_sign_verify_detached(request.signature, payload, publicKey ?? this.#nobody);
    return holds && publicKey !== null;
  }
}

/** Whether the text is standard base64 of 32 bytes, in its one canonical form. */
export function isPublicKey(text: string): boolean {
  const raw = Buffer.from(text, 'base64');
  return raw.length === publicKeyBytes && raw.toString('base64') === text;
}
