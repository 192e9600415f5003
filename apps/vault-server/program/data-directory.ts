/** What lies in a vault's data directory: the store and, beside it, the audit log's checkpoints. */
import { join } from 'node:path';
import { ensurePrivateDirectory } from '@sikkerkey/host/private-files.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { controlSocketPath } from '../control/control-protocol.ts';
import { asPathFailure } from '../path-failure.ts';
import type { VaultRecord } from '../storage/records.ts';
import { openSqliteStorage } from '../storage/sqlite/open.ts';
import type { Storage } from '../storage/storage.ts';

export const storeFile = (dataDirectory: string): string => join(dataDirectory, 'vault.db');
export const checkpointsFile = (dataDirectory: string): string => join(dataDirectory, 'audit-checkpoints');

/**
 * Makes the directory, or checks that the one that is there is ours alone. Throws `vault-path-too-long` where no control
 * socket fits into it, before anything is made; `vault-path-unusable`, UnsafePath.
 */
export async function prepareDataDirectory(dataDirectory: string): Promise<void> {
  controlSocketPath(dataDirectory);
  await ensurePrivateDirectory(dataDirectory).catch((error: unknown) => {
    throw asPathFailure(dataDirectory, error);
  });
}

/** Throws `vault-store-locked` while another process serves this directory. */
export function openStore(dataDirectory: string): Promise<Storage> {
  return openSqliteStorage({ file: storeFile(dataDirectory), random: systemRandom });
}

/** Throws `vault-not-initialised` before `init`. */
export async function vaultRecord(storage: Storage): Promise<VaultRecord> {
  const record = await storage.vault();
  if (record === null) throw new CatalogueError('vault-not-initialised', {});
  return record;
}
