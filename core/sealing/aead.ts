/**
 * AES-256-GCM with a random 96-bit nonce, the one way in which this product seals. Form: nonce (12) ‖ ciphertext ‖
 * tag (16). What the bytes belong to goes into the additional data, so that they open in their own place only.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import type { Random } from '../random.ts';

export const nonceLength = 12;
export const tagLength = 16;
export const keyLength = 32;
const algorithm = 'aes-256-gcm';

/** The bytes were changed, or belong to another key or place. Says nothing more, on purpose. */
export class SealBroken extends Error {
  constructor(message = 'sealed bytes do not open', options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'SealBroken';
  }
}

/** `key`: 32 bytes. A key may seal 2^32 times with random nonces (NIST SP 800-38D §8.3). */
export function seal(key: KeyObject | Uint8Array, random: Random, plain: Uint8Array, additionalData: Uint8Array): Uint8Array {
  const nonce = random.bytes(nonceLength);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagLength });
  cipher.setAAD(additionalData);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws SealBroken. The caller zeroes what it gets once it is used. */
export function open(key: KeyObject | Uint8Array, sealed: Uint8Array, additionalData: Uint8Array): Buffer {
  if (sealed.length < nonceLength + tagLength) throw new SealBroken();
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceLength), { authTagLength: tagLength });
  decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  const plain = decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength));
  try {
    decipher.final();
  } catch (error) {
    plain.fill(0);
    throw new SealBroken('sealed bytes do not open', { cause: error });
  }
  return plain;
}
