/**
 * Keys are out, in their files and on standard output, before that which they open is durable: what nobody has the key of
 * could never be opened or made again. Where it was not made after all, the key files go again: they are keys of nothing.
 */
import type { SecretText } from '@sikkerkey/core/secret-text.ts';
import { NewKeyFiles } from '../sealing/key-file.ts';
import type { Terminal } from './terminal.ts';

export interface Making {
  /** A key without a path is in `shown`. */
  readonly keys: readonly { readonly path: string | null; readonly key: SecretText }[];
  readonly shown: string;
  /** Makes durable what the keys open. */
  make(): Promise<void>;
  /** Whether it is certain that nothing was made. */
  isNotMade(): Promise<boolean>;
}

/** Throws what `make` throws, `vault-key-file-exists`, `vault-path-unusable`, `vault-output-lost`, UnsafePath. */
export async function makeWithKeysHandedOut(making: Making, terminal: Terminal): Promise<void> {
  const files = new NewKeyFiles();
  try {
    for (const { path, key } of making.keys) {
      if (path !== null) await files.write(path, key);
    }
    await terminal.print(making.shown);
    await making.make();
  } catch (error) {
    if (await making.isNotMade()) await files.takeBack();
    throw error;
  }
}
