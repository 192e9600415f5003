/** What lies in a vault's data directory: the store and, beside it, the audit log's checkpoints. */
import { join } from 'node:path';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultRecord } from '../storage/records.ts';
import { openSqliteStorage } from '../storage/sqlite/open.ts';
import type { Storage } from '../storage/storage.ts';

export const storeFile = (dataDirectory: string): string => join(dataDirectory, 'vault.db');
export const checkpointsFile = (dataDirectory: string): string => join(dataDirectory, 'audit-checkpoints');

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
