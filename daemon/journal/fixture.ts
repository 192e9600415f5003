/** A journal on disk for one test, and the row of a rotation in flight. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { JournalFile } from './journal-file.ts';
import { createSealer } from './sealing.ts';
import { createVaultJournal, type VaultJournal } from './vault-journal.ts';

export interface TestJournal {
  readonly journal: VaultJournal;
  /** Path of the file. */
  readonly path: string;
  /** Closes and removes it. */
  remove(): Promise<void>;
}

export async function openTestJournal(): Promise<TestJournal> {
  const directory = await mkdtemp(join(tmpdir(), 'sk-journal-'));
  const path = join(directory, 'journal.db');
  const file = new JournalFile(path, () => undefined);
  const sealer = createSealer(signingKeyFromSeed(new Uint8Array(32).fill(1)).seed(), 'vault_1', systemRandom);
  const remove = async (): Promise<void> => {
    file.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { journal: createVaultJournal(file, 'vault_1', sealer), path, remove };
}

export const inFlight: JournalRow = {
  secretId: 'sk_1',
  rotationId: 'rot_9',
  epoch: 6,
  strategy: 'flip',
  goal: 'confirm',
  versions: { live: { version: 3, slot: 'a' }, pending: { version: 4, slot: 'b' }, previous: null },
  credentials: new Map([
    [3, { username: 'app_a', password: new SecretText('third') }],
    [4, { username: 'app_b', password: new SecretText('fourth') }],
  ]),
  serverFingerprint: 'server-1',
};
