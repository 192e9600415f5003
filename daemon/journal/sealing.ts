/**
 * Seals what the daemon's files hold of secrets: AES-256-GCM under a key that those files do not hold, derived by HKDF
 * from the seed of the machine's identity. The associated data binds a blob to its place; elsewhere it does not open.
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Random } from '@sikkerkey/core/random.ts';
import type { SecretBytes } from '@sikkerkey/core/secret-bytes.ts';

const nonceBytes = 12;
const tagBytes = 16;
const info = 'sikkerkey-daemon-state-v1';

/** The blob cannot be opened: another identity sealed it, or it was altered or moved. */
export class UnsealFailed extends Error {
  constructor(why: 'another key' | 'not authentic', options?: { readonly cause?: unknown }) {
    super(`sealed state cannot be opened: ${why}`, options);
    this.name = 'UnsealFailed';
  }
}

export interface Sealer {
  /** Names the key without revealing it; stored beside every blob. */
  readonly keyId: string;
  seal(plaintext: string, place: readonly string[]): Uint8Array;
  /** Throws UnsealFailed. */
  open(blob: Uint8Array, place: readonly string[]): string;
}

/** A sealer for one vault's rows; the same seed and vault always give the same key. */
export function createSealer(seed: SecretBytes, vaultId: string, random: Random): Sealer {
  const derived = Buffer.from(hkdfSync('sha256', seed.reveal(), Buffer.from(vaultId), info, 32));
  const key: KeyObject = createSecretKey(derived);
  const keyId = createHash('sha256').update('key-id\n').update(derived).digest('hex').slice(0, 16);
  derived.fill(0);
  return {
    keyId,
    seal: (plaintext, place) => seal(key, random, plaintext, place),
    open: (blob, place) => open(key, blob, place),
  };
}

function seal(key: KeyObject, random: Random, plaintext: string, place: readonly string[]): Uint8Array {
  const nonce = random.bytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData(place));
  const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]);
}

function open(key: KeyObject, blob: Uint8Array, place: readonly string[]): string {
  if (blob.byteLength < nonceBytes + tagBytes) throw new UnsealFailed('not authentic');
  const tagAt = blob.byteLength - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, nonceBytes))
    .setAAD(associatedData(place))
    .setAuthTag(blob.subarray(tagAt));
  try {
    return Buffer.concat([decipher.update(blob.subarray(nonceBytes, tagAt)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new UnsealFailed('not authentic', { cause });
  }
}

/** Length-prefixed, so that no two places share their bytes. */
function associatedData(place: readonly string[]): Uint8Array {
  return Buffer.from(place.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''));
}
