/**
 * The Ed25519 key of a machine or an operator. The public half is derived with @noble/ed25519; signatures come from the
 * platform's own Ed25519, ten times faster, whose bytes a test proves equal to noble's (Ed25519 is deterministic, RFC 8032).
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { getPublicKey, hashes } from '@noble/ed25519';
import type { Random } from '../random.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { SecretText } from '../secret-text.ts';
import { privateKeyDer, privateKeyPem, readPrivateKeyPem, seedLength } from './private-key-pem.ts';

export interface SigningKey {
  /** Standard base64 (padded) of the raw 32 bytes: how the public half travels (wire-runtime §1.2). */
  readonly publicKeyBase64: string;
  /** Pure Ed25519 over the bytes; 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
  /** The 32 bytes that everything follows from; other keys are derived from them with HKDF. */
  seed(): SecretBytes;
  /** PKCS#8 version 1 in PEM, as `private.pem` holds it (wire-runtime §3.2). */
  toPem(): SecretText;
}

/** Reads `private.pem`. Throws CatalogueError `private-key-invalid` for anything but one unencrypted Ed25519 PKCS#8 block. */
export function parsePrivateKeyPem(pem: SecretText): SigningKey {
  return signingKeyFromSeed(readPrivateKeyPem(pem));
}

/** Throws RangeError when the seed has not 32 bytes. */
export function signingKeyFromSeed(seed: Uint8Array | SecretBytes): SigningKey {
  const secret = seed instanceof SecretBytes ? seed : new SecretBytes(seed);
  if (secret.length !== seedLength) throw new RangeError(`an Ed25519 seed has ${seedLength} bytes`);
  const privateKey = createPrivateKey({ key: Buffer.from(privateKeyDer(secret)), format: 'der', type: 'pkcs8' });
  return {
    publicKeyBase64: Buffer.from(publicKeyOf(secret)).toString('base64'),
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
    seed: () => secret,
    toPem: () => privateKeyPem(secret),
  };
}

export function generateSigningKey(random: Random): SigningKey {
  return signingKeyFromSeed(random.bytes(seedLength));
}

function publicKeyOf(seed: SecretBytes): Uint8Array {
  // noble asks for its hash to be plugged in before its synchronous functions are called.
  hashes.sha512 ??= (message) => new Uint8Array(createHash('sha512').update(message).digest());
  return getPublicKey(seed.reveal());
}
