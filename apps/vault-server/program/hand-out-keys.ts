/**
 * Keys are out, in their files and on standard output, before that which they open is durable: what nobody has the key of
 * could never be opened or made again. Where it is certain that nothing was made, the key files go again: they are keys of
 * nothing. Where it is not, they stay, and that is said.
 */
import type { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { NewKeyFiles } from '../sealing/key-file.ts';
import type { Terminal } from './terminal.ts';

export interface Making {
  /** A key without a path is in `shown`. */
  readonly keys: readonly { readonly path: string | null; readonly key: SecretText }[];
  readonly shown: string;
  /** Makes durable what the keys open. */
  make(): Promise<void>;
  /** Whether it may have been made although making it failed (`mayBeInStore`). */
  mayBeMade(): Promise<boolean>;
}

/** Throws what `make` throws, or `vault-making-uncertain` where it may have been made; `vault-key-file-exists`, `vault-path-unusable`, `vault-output-lost`, UnsafePath. */
export async function makeWithKeysHandedOut(making: Making, terminal: Terminal): Promise<void> {
  const files = new NewKeyFiles();
  try {
    for (const { path, key } of making.keys) {
      if (path !== null) await files.write(path, key);
    }
    await terminal.print(making.shown);
    await making.make();
  } catch (error) {
    if (await making.mayBeMade()) throw new CatalogueError('vault-making-uncertain', { why: whyOf(error) }, { cause: error });
    await files.takeBack();
    throw error;
  }
}

function whyOf(error: unknown): string {
  return error instanceof CatalogueError ? error.code : 'unexpected';
}
