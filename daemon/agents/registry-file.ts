/** The file of the registry: its schema, and the promises that it is opened with. */
import Database from 'better-sqlite3';

const schemaVersion = 1;
const schema = `
  CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE agent (
    secret_id TEXT PRIMARY KEY,
    vault_id TEXT NOT NULL,
    running INTEGER NOT NULL,
    connection TEXT,
    key_id TEXT,
    sealed BLOB
  ) STRICT, WITHOUT ROWID;
`;

/** Throws SqliteError. */
export function openRegistry(path: string): Database.Database {
  const database = new Database(path, { timeout: 2_000 });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('secure_delete = ON');
  if (database.pragma('user_version', { simple: true }) === 0) {
    database.transaction(() => {
      database.exec(schema);
      database.pragma(`user_version = ${schemaVersion}`);
    })();
  }
  return database;
}
