/** What lies in a vault's data directory: the store and, beside it, the audit log's checkpoints. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDirectory } from '@sikkerkey/host/private-files.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { CheckpointLog } from '../audit/checkpoints.ts';
import { controlSocketPath } from '../control/control-protocol.ts';
import { asPathFailure } from '../path-failure.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { VaultRecord } from '../storage/records.ts';
import { asOpenFailure } from '../storage/sqlite/database.ts';
import { openSqliteStorage } from '../storage/sqlite/open.ts';
import { readVaultRecord } from '../storage/sqlite/vault-reader.ts';
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

/**
 * Whether `isThere` finds what a failed commit was to write. Closes the store and looks at the file anew, as the next process
 * will: the connection whose commit failed does not see what it left in the write-ahead log, which may count as committed.
 * True also where the file cannot be read: then nobody knows.
 */
export async function mayBeInStore(storage: Storage, dataDirectory: string, isThere: (file: string) => boolean): Promise<boolean> {
  await storage.close();
  try {
    return isThere(storeFile(dataDirectory));
  } catch {
    return true;
  }
}

/** Throws `vault-not-initialised` before `init`. */
export async function vaultRecord(storage: Storage): Promise<VaultRecord> {
  const record = await storage.vault();
  if (record === null) throw notInitialised();
  return record;
}

/** Opens the checkpoints, made where there are none. Throws `vault-path-unusable`. */
export async function openCheckpoints(dataDirectory: string, keyring: Keyring): Promise<CheckpointLog> {
  const path = checkpointsFile(dataDirectory);
  return CheckpointLog.open(path, keyring.checkpointKey()).catch((error: unknown) => {
    throw asPathFailure(path, error);
  });
}

/** The vault's record, read beside whoever serves it; nothing is made. Throws `vault-not-initialised`, or why the file cannot be read. */
export function storedVaultRecord(dataDirectory: string): VaultRecord {
  const file = storeFile(dataDirectory);
  try {
    const record = readVaultRecord(file);
    if (record === null) throw notInitialised();
    return record;
  } catch (error) {
    if (error instanceof CatalogueError) throw error;
    // No file, or a file in which `init` made no table yet.
    if (!existsSync(file) || isMissingTable(error)) throw notInitialised(error);
    throw asOpenFailure(error, 'file');
  }
}

function isMissingTable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_ERROR';
}

function notInitialised(cause?: unknown): CatalogueError {
  return new CatalogueError('vault-not-initialised', {}, { cause });
}
