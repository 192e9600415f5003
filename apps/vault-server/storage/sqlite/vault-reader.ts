/** Reads a store file without writing, and without asking whether a vault has it open. What it throws, the file cannot be read. */
import Sqlite from 'better-sqlite3';
import type { VaultRecord } from '../records.ts';
import type { Database } from './database.ts';

/** Null before `init`. */
export function readVaultRecord(file: string): VaultRecord | null {
  return reading(file, (db) => {
    const row = db
      .prepare<[], VaultRecord>('SELECT vault_id AS vaultId, created_at AS createdAt, verifier AS rootKeyVerifier FROM vault')
      .get();
    return row ?? null;
  });
}

export function isOperatorStored(file: string, operatorId: string): boolean {
  return reading(file, (db) => db.prepare<[string]>('SELECT 1 FROM operators WHERE operator_id = ?').get(operatorId) !== undefined);
}

function reading<Value>(file: string, read: (db: Database) => Value): Value {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    return read(db);
  } finally {
    db.close();
  }
}
