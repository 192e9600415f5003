/** Reads the audit log of a store file, without writing and without asking whether a vault has it open. */
import Sqlite from 'better-sqlite3';
import type { AuditEntry } from '../audit-records.ts';

type EntryRow = AuditEntry & { readonly mac: Buffer };

/** Calls `use` with the entries in the order of the log; they can be walked through once. Throws where the file cannot be read. */
export function readAuditEntries<Value>(file: string, use: (entries: Iterable<EntryRow>) => Value): Value {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    const rows = db.prepare<[], EntryRow>(
      `SELECT node, node_sequence AS nodeSequence, at, actor_kind AS actorKind, actor_id AS actorId, action, subject, outcome, detail,
         address, mac
       FROM audit ORDER BY sequence`,
    );
    return use(rows.iterate());
  } finally {
    db.close();
  }
}
