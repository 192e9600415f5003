/**
 * The journal on disk: WAL with `synchronous=FULL`, so that a row is there after a power cut once `write` has returned.
 * Deleted content is overwritten. A file that cannot be opened, checked or written makes the journal unavailable; it is
 * never deleted, and every later use tries again.
 */
import { JournalUnavailable } from '@sikkerkey/core/rotation/ports.ts';
import type { Receipt } from '@sikkerkey/core/rotation/types.ts';
import type { LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import Database from 'better-sqlite3';
import type { StoredRow } from './row-codec.ts';

const schemaVersion = 5;
const first = `
  CREATE TABLE rotation (
    vault_id TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    rotation_id TEXT,
    epoch INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    goal TEXT NOT NULL,
    versions TEXT NOT NULL,
    server_fingerprint TEXT,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (vault_id, secret_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    vault_id TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    rotation_id TEXT,
    outcome TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    statements TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX receipt_of_secret ON receipt (vault_id, secret_id, id);
`;
/** What an abandoned database may still hold, as JSON: logins and versions, never a value. */
const second = 'ALTER TABLE receipt ADD COLUMN left_behind TEXT';
/** Where the last work of a secret was done: what outlives its rows, so that a copy of the database is noticed. */
const third = `
  CREATE TABLE server (
    vault_id TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (vault_id, secret_id)
  ) STRICT, WITHOUT ROWID`;
/** The highest epoch that this host was granted, which outlives its rows too, so that a vault that went back is noticed. */
const fourth = `
  CREATE TABLE granted (
    vault_id TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (vault_id, secret_id)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO granted SELECT vault_id, secret_id, max(epoch) FROM (
    SELECT vault_id, secret_id, epoch FROM rotation UNION ALL SELECT vault_id, secret_id, epoch FROM receipt
  ) GROUP BY vault_id, secret_id`;
/**
 * Object ids of a database once stood for a server that hid its identity. They are the same on every server that was set up
 * in the same way, so they say nothing, and nothing is known.
 */
const fifth = `
  DELETE FROM server WHERE fingerprint LIKE 'postgresql:database:%';
  UPDATE rotation SET server_fingerprint = NULL WHERE server_fingerprint LIKE 'postgresql:database:%'`;
/** By the form that they lead from. */
const migrations: readonly string[] = [first, second, third, fourth, fifth];
const writeRow = `
  INSERT INTO rotation VALUES (@vault_id, @secret_id, @rotation_id, @epoch, @strategy, @goal, @versions, @server_fingerprint, @key_id, @sealed)
  ON CONFLICT (vault_id, secret_id) DO UPDATE SET rotation_id = excluded.rotation_id, epoch = excluded.epoch,
    strategy = excluded.strategy, goal = excluded.goal, versions = excluded.versions,
    server_fingerprint = excluded.server_fingerprint, key_id = excluded.key_id, sealed = excluded.sealed`;
const writeReceipt = `
  INSERT INTO receipt (vault_id, secret_id, rotation_id, outcome, epoch, statements, started_at, ended_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const writeAbandonment = `
  INSERT INTO receipt (vault_id, secret_id, rotation_id, outcome, epoch, statements, started_at, ended_at, left_behind)
  VALUES (?, ?, ?, 'abandoned', ?, '[]', ?, ?, ?)`;

export interface LastReceipt {
  readonly rotationId: string | null;
  readonly outcome: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

export class JournalFile {
  readonly #path: string;
  readonly #onHealth: (healthy: boolean, reason: string | null) => void;
  #database: Database.Database | null = null;

  /** `onHealth` hears each success and failure; the caller shows changes. */
  constructor(path: string, onHealth: (healthy: boolean, reason: string | null) => void) {
    this.#path = path;
    this.#onHealth = onHealth;
  }

  /** Opens and checks the file now. Throws JournalUnavailable; a later call tries again. */
  open(): void {
    this.#use(() => undefined);
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  read(vaultId: string, secretId: string): StoredRow | null {
    return this.#use((database) => {
      const row = database.prepare<[string, string], StoredRow>('SELECT * FROM rotation WHERE vault_id = ? AND secret_id = ?');
      return row.get(vaultId, secretId) ?? null;
    });
  }

  rowsOf(vaultId: string): readonly StoredRow[] {
    return this.#use((database) => database.prepare<[string], StoredRow>('SELECT * FROM rotation WHERE vault_id = ?').all(vaultId));
  }

  /** Durable when it returns. */
  write(row: StoredRow): void {
    this.#use((database) => void database.prepare(writeRow).run(row));
  }

  /** Replaces several rows in one transaction. */
  writeAll(rows: readonly StoredRow[]): void {
    this.#use((database) => {
      const write = database.prepare(writeRow);
      database.transaction(() => {
        for (const row of rows) write.run(row);
      })();
    });
  }

  knownServer(vaultId: string, secretId: string): string | null {
    return this.#use((database) => {
      const find = database.prepare<[string, string], string>('SELECT fingerprint FROM server WHERE vault_id = ? AND secret_id = ?');
      return find.pluck().get(vaultId, secretId) ?? null;
    });
  }

  /** Null: none is known any more. */
  keepServer(vaultId: string, secretId: string, fingerprint: string | null): void {
    this.#use((database) => writeServer(database, vaultId, secretId, fingerprint));
  }

  /** The highest epoch that was granted for this secret; 0 for none. */
  grantedEpoch(vaultId: string, secretId: string): number {
    return this.#use((database) => {
      const find = database.prepare<[string, string], number>('SELECT epoch FROM granted WHERE vault_id = ? AND secret_id = ?');
      return find.pluck().get(vaultId, secretId) ?? 0;
    });
  }

  /** Durable when it returns. Never goes down; null: none is known any more. */
  keepGrantedEpoch(vaultId: string, secretId: string, epoch: number | null): void {
    this.#use((database) => writeGranted(database, vaultId, secretId, epoch));
  }

  /** Removes the row and keeps the receipt and, where there is one, the confirmed server, in one transaction. */
  finish(vaultId: string, secretId: string, receipt: Receipt | null, confirmedServer: string | null): void {
    this.#use((database) => {
      database.transaction(() => {
        database.prepare('DELETE FROM rotation WHERE vault_id = ? AND secret_id = ?').run(vaultId, secretId);
        if (confirmedServer !== null) writeServer(database, vaultId, secretId, confirmedServer);
        if (receipt === null) return;
        const { rotationId, outcome, epoch, statements, startedAt, endedAt } = receipt;
        const written = JSON.stringify(statements);
        database
          .prepare(writeReceipt)
          .run(vaultId, secretId, rotationId, outcome, epoch, written, Math.round(startedAt), Math.round(endedAt));
      })();
    });
  }

  /** Removes the row, if there is one, forgets server and epoch, and keeps what was left behind. Asked again, the last word stands beside the first. */
  abandon(vaultId: string, secretId: string, leftBehind: readonly LeftBehind[], at: number): void {
    this.#use((database) => {
      const find = database.prepare<[string, string], { rotation_id: string | null; epoch: number }>(
        'SELECT rotation_id, epoch FROM rotation WHERE vault_id = ? AND secret_id = ?',
      );
      database.transaction(() => {
        const row = find.get(vaultId, secretId);
        const kept = [row?.rotation_id ?? null, row?.epoch ?? 0, Math.round(at), Math.round(at), JSON.stringify(leftBehind)];
        database.prepare(writeAbandonment).run(vaultId, secretId, ...kept);
        writeServer(database, vaultId, secretId, null);
        writeGranted(database, vaultId, secretId, null);
        database.prepare('DELETE FROM rotation WHERE vault_id = ? AND secret_id = ?').run(vaultId, secretId);
      })();
    });
  }

  lastReceipt(vaultId: string, secretId: string): LastReceipt | null {
    return this.#use((database) => {
      const found = database.prepare<[string, string], LastReceipt>(`
        SELECT rotation_id AS rotationId, outcome, started_at AS startedAt, ended_at AS endedAt
        FROM receipt WHERE vault_id = ? AND secret_id = ? ORDER BY id DESC LIMIT 1`);
      return found.get(vaultId, secretId) ?? null;
    });
  }

  #use<T>(work: (database: Database.Database) => T): T {
    try {
      this.#database ??= openChecked(this.#path);
      const result = work(this.#database);
      this.#onHealth(true, null);
      return result;
    } catch (cause) {
      throw this.#unavailable(cause);
    }
  }

  #unavailable(cause: unknown): unknown {
    if (!(cause instanceof Database.SqliteError) && !(cause instanceof JournalUnavailable)) return cause;
    // Reopened on the next use: a connection that met EIO or ENOSPC proves nothing about the file later.
    this.#database?.close();
    this.#database = null;
    this.#onHealth(false, cause.code);
    return cause instanceof JournalUnavailable ? cause : new JournalUnavailable(cause.code, { cause });
  }
}

function writeServer(database: Database.Database, vaultId: string, secretId: string, fingerprint: string | null): void {
  if (fingerprint === null) database.prepare('DELETE FROM server WHERE vault_id = ? AND secret_id = ?').run(vaultId, secretId);
  else database.prepare('INSERT OR REPLACE INTO server VALUES (?, ?, ?)').run(vaultId, secretId, fingerprint);
}

function writeGranted(database: Database.Database, vaultId: string, secretId: string, epoch: number | null): void {
  if (epoch === null) database.prepare('DELETE FROM granted WHERE vault_id = ? AND secret_id = ?').run(vaultId, secretId);
  else
    database
      .prepare(
        `INSERT INTO granted VALUES (?, ?, ?)
         ON CONFLICT (vault_id, secret_id) DO UPDATE SET epoch = max(epoch, excluded.epoch)`,
      )
      .run(vaultId, secretId, epoch);
}

/** Throws SqliteError or JournalUnavailable. */
function openChecked(path: string): Database.Database {
  const database = new Database(path, { timeout: 2_000 });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('secure_delete = ON');
    if (database.pragma('quick_check', { simple: true }) !== 'ok') throw new JournalUnavailable('SQLITE_CORRUPT');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: Database.Database): void {
  const found = Number(database.pragma('user_version', { simple: true }));
  if (found === schemaVersion) return;
  if (found > schemaVersion) throw new JournalUnavailable('journal-of-newer-daemon');
  database.transaction(() => {
    for (const statements of migrations.slice(found)) database.exec(statements);
    database.pragma(`user_version = ${schemaVersion}`);
  })();
}
