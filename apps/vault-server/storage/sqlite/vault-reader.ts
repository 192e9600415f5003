/** Reads the vault's own record from a store file, without writing and without asking whether a vault has it open. */
import Sqlite from 'better-sqlite3';
import type { VaultRecord } from '../records.ts';

/** Null before `init`. Throws where the file cannot be read. */
export function readVaultRecord(file: string): VaultRecord | null {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    const row = db
      .prepare<[], VaultRecord>('SELECT vault_id AS vaultId, created_at AS createdAt, verifier AS rootKeyVerifier FROM vault')
      .get();
    return row ?? null;
  } finally {
    db.close();
  }
}
