/** Keys derived from the root key, one for each use, by HKDF-SHA-256 (RFC 5869) with the use as the label. */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** Every use of the root key but wrapping, once; a label is never used for two things. */
export const subKeyLabels = {
  projectKeys: 'sikkerkey/root/project-keys/1',
  audit: 'sikkerkey/root/audit/1',
  checkpoints: 'sikkerkey/root/audit-checkpoints/1',
  verifier: 'sikkerkey/root/verifier/1',
} as const;

export type SubKeyUse = keyof typeof subKeyLabels;

/** 32 bytes as a key object. `salt` is the vault's id: the same root key in another vault gives other keys. */
export function deriveSubKey(rootKey: Uint8Array, salt: string, use: SubKeyUse): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', rootKey, Buffer.from(salt, 'utf8'), Buffer.from(subKeyLabels[use], 'utf8'), 32));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
