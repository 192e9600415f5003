/**
 * A key in a private file (0600): the unseal key that an operator keeps there, or gives a developer's vault to unseal
 * itself with, and the first operator's key. Whoever reads the unseal key and the store reads every secret.
 */
import { lstat, unlink } from 'node:fs/promises';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { readPrivateFile, writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { asPathFailure } from '../path-failure.ts';
import { parseUnsealKey } from './unseal-key.ts';

/** Key files of a vault that is about to be made, and that go again when it is not. */
export class NewKeyFiles {
  readonly #written: string[] = [];

  /** On disk when resolved. Throws `vault-key-file-exists`, `vault-path-unusable`, UnsafePath; nothing is then left of this one. */
  async write(path: string, key: SecretText): Promise<void> {
    if (await isTaken(path)) throw new CatalogueError('vault-key-file-exists', { path });
    await writePrivateFile(path, `${key.reveal()}\n`).catch((error: unknown) => {
      throw asPathFailure(path, error);
    });
    this.#written.push(path);
  }

  /** Removes what was written here: keys of nothing. */
  async takeBack(): Promise<void> {
    for (const path of this.#written.splice(0)) await unlink(path);
  }
}

/** The root key; the caller zeroes it. Throws UnsafePath where others may read the file, `vault-path-unusable`, `unseal-key-malformed`. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const content = await readPrivateFile(path).catch((error: unknown) => {
    throw asPathFailure(path, error);
  });
  try {
    return parseUnsealKey(new SecretText(Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8').trim()));
  } finally {
    content.fill(0);
  }
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw asPathFailure(path, error);
  }
}
