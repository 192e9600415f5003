/** Reads a certificate authority's PEM once, when an agent is configured; the file may go away afterwards. */
import { open } from 'node:fs/promises';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

const maxBytes = 1_048_576;

/** Throws CatalogueError `ca-file-unreadable`. */
export async function readCertificateFile(path: string): Promise<string> {
  const text = await readBounded(path);
  if (text === null || !text.includes('-----BEGIN CERTIFICATE-----')) throw new CatalogueError('ca-file-unreadable', {});
  return text;
}

async function readBounded(path: string): Promise<string | null> {
  try {
    await using file = await open(path, 'r');
    const found = await file.stat();
    return found.isFile() && found.size <= maxBytes ? await file.readFile('utf8') : null;
  } catch {
    // Why it cannot be read is the file system's business; that it cannot is what the user must know.
    return null;
  }
}
