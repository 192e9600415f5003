/**
 * One daemon for one home: an exclusive lock on a small database file, taken before the socket is looked at, which
 * closes the race between two daemons that both find a stale socket. The kernel frees it when the process dies.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import Database from 'better-sqlite3';

export interface InstanceLock {
  release(): void;
}

/** Throws CatalogueError `daemon-already-running` when another process holds the lock, `daemon-lock-unusable` where there can be none. */
export function takeInstanceLock(lockPath: string): InstanceLock {
  let database: Database.Database | null = null;
  try {
    database = new Database(lockPath, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    throw lockRefusal(lockPath, cause);
  }
  const held = database;
  return { release: () => void held.close() };
}

function lockRefusal(path: string, cause: unknown): unknown {
  if (!(cause instanceof Database.SqliteError)) return cause;
  const { code: reason } = cause;
  if (reason.startsWith('SQLITE_BUSY')) return new CatalogueError('daemon-already-running', {}, { cause });
  return new CatalogueError('daemon-lock-unusable', { path, reason }, { cause });
}
