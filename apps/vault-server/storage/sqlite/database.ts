/**
 * Opens the store's file: private (0600), one writing process, write-ahead log, every acknowledged commit on disk,
 * checked, migrated. Does not know what the tables mean.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { ensurePrivateDirectory, UnsafePath } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import Sqlite from 'better-sqlite3';
import { migrations } from './schema.ts';
import { asStoreFailure, asStoreFileFailure } from './store-failure.ts';

export type Database = Sqlite.Database;

export interface OpenedDatabase {
  readonly db: Database;
  /** Closes the file and lets the next process have it. */
  close(): void;
}

/** Pages of the write-ahead log after which SQLite copies them into the file: 4 MiB, so that it never grows far. */
const checkpointPages = 1024;
/** The whole file is checked at open up to this size; above it, what is read is checked as it is read. */
const fullCheckBytes = 16 * 1024 * 1024;

/**
 * Throws `vault-store-locked` while another process has the store, `vault-store-newer`, `vault-store-damaged`,
 * `vault-disk-full`, `vault-store-failed`, or UnsafePath where the directory is open to others or a file is not a file.
 */
export async function openDatabase(file: string): Promise<OpenedDatabase> {
  await ensurePrivateDirectory(dirname(file));
  const lock = takeLock(`${file}.lock`);
  try {
    createPrivately(file);
    const db = new Sqlite(file);
    try {
      configure(db);
      check(db, file);
      migrate(db);
    } catch (error) {
      db.close();
      throw error;
    }
    return {
      db,
      close: () => {
        db.close();
        lock.close();
      },
    };
  } catch (cause) {
    lock.close();
    throw asOpenFailure(cause, 'file');
  }
}

/** What SQLite says when a file of the store is opened: `vault-store-damaged` for what is no database, else as `asStoreFailure`. */
export function asOpenFailure(cause: unknown, part: string): unknown {
  return isSqliteCode(cause, 'SQLITE_NOTADB', 'SQLITE_CORRUPT')
    ? new CatalogueError('vault-store-damaged', { part }, { cause })
    : asStoreFailure(cause);
}

/** A file of its own, held by an open exclusive transaction: the system frees it however the process ends. */
function takeLock(path: string): Database {
  createPrivately(path);
  const lock = new Sqlite(path, { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw isSqliteCode(cause, 'SQLITE_BUSY') ? new CatalogueError('vault-store-locked', {}, { cause }) : asOpenFailure(cause, 'lock');
  }
}

/** SQLite gives its companion files the mode of the file, so the file is made private before SQLite sees it. */
function createPrivately(path: string): void {
  try {
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    const isFile = fstatSync(file).isFile();
    closeSync(file);
    if (!isFile) throw new UnsafePath(path, 'not a regular file');
  } catch (cause) {
    throw asStoreFileFailure(path, cause);
  }
}

function configure(db: Database): void {
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  db.pragma('cache_size = -16384');
  db.pragma('temp_store = MEMORY');
  db.pragma('trusted_schema = OFF');
  db.pragma('secure_delete = FAST');
}

function check(db: Database, file: string): void {
  if (lstatSync(file).size > fullCheckBytes) return;
  const found = db.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new CatalogueError('vault-store-damaged', { part: 'pages' });
}

function migrate(db: Database): void {
  const known = migrations.at(-1)?.number ?? 0;
  const found = Number(db.pragma('user_version', { simple: true }));
  if (found > known) throw new CatalogueError('vault-store-newer', { found, known });
  for (const migration of migrations) {
    if (migration.number <= found) continue;
    db.transaction(() => {
      db.exec(migration.statements);
      db.pragma(`user_version = ${migration.number}`);
    }).immediate();
  }
}

export function isSqliteCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => String(error.code).startsWith(code));
}
