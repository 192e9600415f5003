/**
 * The unseal key in a private file (0600), for a developer's vault that was told explicitly to unseal itself. Whoever
 * reads this file and the store reads every secret; the vault says so where it uses one.
 */

import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { readPrivateFile, writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { formatUnsealKey, parseUnsealKey } from './unseal-key.ts';

/** Throws UnsafePath, or the system's error. */
export async function writeKeyFile(path: string, rootKey: Uint8Array): Promise<void> {
  await writePrivateFile(path, `${formatUnsealKey(rootKey).reveal()}\n`);
}

/** The root key; the caller zeroes it. Throws UnsafePath where others may read the file, `unseal-key-malformed`, ENOENT. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const content = await readPrivateFile(path);
  try {
    return parseUnsealKey(new SecretText(Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8').trim()));
  } finally {
    content.fill(0);
  }
}
