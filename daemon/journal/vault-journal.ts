/** The journal as the rotation driver sees it: the rows of one vault, sealed with that vault's identity. */
import { JournalUnavailable, type RotationJournal } from '@sikkerkey/core/rotation/ports.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import type { LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import type { JournalFile } from './journal-file.ts';
import { journalRowOf, resealed, storedRowOf } from './row-codec.ts';
import { type Sealer, UnsealFailed } from './sealing.ts';

export interface VaultJournal extends RotationJournal {
  /** From now on that server, or none, is the one where work for this secret is done. Throws JournalUnavailable. */
  keepServer(secretId: string, fingerprint: string | null): Promise<void>;
  /** The highest epoch that this host was granted for the secret; 0 for none. Throws JournalUnavailable. */
  grantedEpoch(secretId: string): Promise<number>;
  /** Durable when resolved. Never goes down; null forgets it. Throws JournalUnavailable. */
  keepGrantedEpoch(secretId: string, epoch: number | null): Promise<void>;
  /** Removes the row and keeps what the database may still hold. Throws JournalUnavailable. */
  abandon(secretId: string, leftBehind: readonly LeftBehind[], at: number): Promise<void>;
}

export function createVaultJournal(file: JournalFile, vaultId: string, sealer: Sealer): VaultJournal {
  return {
    read: (secretId) =>
      settled(() => {
        const stored = file.read(vaultId, secretId);
        return stored === null ? null : opened(() => journalRowOf(stored, sealer));
      }),
    write: (row: JournalRow) => settled(() => file.write(storedRowOf(vaultId, row, sealer))),
    abandon: (secretId, leftBehind, at) => settled(() => file.abandon(vaultId, secretId, leftBehind, at)),
    finish: (secretId, receipt, confirmedServer) => settled(() => file.finish(vaultId, secretId, receipt, confirmedServer)),
    knownServer: (secretId) => settled(() => file.knownServer(vaultId, secretId)),
    keepServer: (secretId, fingerprint) => settled(() => file.keepServer(vaultId, secretId, fingerprint)),
    grantedEpoch: (secretId) => settled(() => file.grantedEpoch(vaultId, secretId)),
    keepGrantedEpoch: (secretId, epoch) => settled(() => file.keepGrantedEpoch(vaultId, secretId, epoch)),
  };
}

/** Reseals all rows of a vault in one transaction; called before a new identity replaces the old one. */
export function resealVaultRows(file: JournalFile, vaultId: string, from: Sealer, to: Sealer): void {
  const rows = file.rowsOf(vaultId);
  file.writeAll(rows.filter((row) => row.key_id !== to.keyId).map((row) => opened(() => resealed(row, from, to))));
}

/** A row that cannot be read is never taken for "no row": it may hold the only copy of a password. */
function opened<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new JournalUnavailable(cause instanceof UnsealFailed ? 'journal-row-of-another-identity' : 'journal-row-unreadable', { cause });
  }
}

function settled<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
