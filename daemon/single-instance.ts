/**
 * One daemon for one home: an exclusive lock on a small database file, taken before the socket is looked at, which
 * closes the race between two daemons that both find a stale socket. The kernel frees it when the process dies.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import Database from 'better-sqlite3';

export interface InstanceLock {
  release(): void;
}

/** Throws CatalogueError `daemon-already-running` when another process holds the lock. */
export function takeInstanceLock(lockPath: string): InstanceLock {
  const database = new Database(lockPath, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw isBusy(cause) ? new CatalogueError('daemon-already-running', {}, { cause }) : cause;
  }
  return { release: () => void database.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
