/** Birth of a vault's root key and the verifier by which the store tells a wrong key; the key itself is never stored. */
import type { Random } from '@sikkerkey/core/random.ts';
import { open, SealBroken, seal } from '@sikkerkey/core/sealing/aead.ts';
import { deriveSubKey } from '@sikkerkey/core/sealing/sub-keys.ts';

const knownText = Buffer.from('this vault opens with this key', 'utf8');

export interface NewRootKey {
  /** 32 bytes; show it once (`formatUnsealKey`), unseal with it, then zero it. */
  readonly rootKey: Uint8Array;
  readonly verifier: Uint8Array;
}

export function createRootKey(random: Random, vaultId: string): NewRootKey {
  const rootKey = random.bytes(32);
  return { rootKey, verifier: seal(deriveSubKey(rootKey, vaultId, 'verifier'), random, knownText, Buffer.from(vaultId, 'utf8')) };
}

/** Whether this root key is the one that the verifier was made with, in this vault. */
export function isRootKeyOf(rootKey: Uint8Array, vaultId: string, verifier: Uint8Array): boolean {
  try {
    return open(deriveSubKey(rootKey, vaultId, 'verifier'), verifier, Buffer.from(vaultId, 'utf8')).equals(knownText);
  } catch (error) {
    if (error instanceof SealBroken) return false;
    throw error;
  }
}
