/** Where a command gets the unseal key from: a private file, else a prompt or standard input. Never the command line. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { readKeyFile } from '../sealing/key-file.ts';
import { parseUnsealKey } from '../sealing/unseal-key.ts';
import type { Terminal } from './terminal.ts';

/** The root key; the caller zeroes it (unsealing does). Throws `unseal-key-missing`, `unseal-key-malformed`, UnsafePath, or the system's error. */
export async function readRootKey(
  keyFile: string | null,
  terminal: Terminal,
  act: 'unseal' | 'audit verify' | 'operator create --name NAME',
): Promise<Uint8Array> {
  if (keyFile !== null) return readKeyFile(keyFile);
  const typed = await terminal.readSecret('unseal key: ');
  if (typed.reveal().trim() === '' && !terminal.isInteractive) throw new CatalogueError('unseal-key-missing', { act });
  return parseUnsealKey(typed);
}
