/** Entries of the audit log, and who authenticates them. */

/** What the chain covers of one entry (audit/chain.ts). */
export interface AuditEntry {
  readonly node: string;
  /** Counts from 1 per node, without gaps. */
  readonly nodeSequence: number;
  readonly at: number;
  readonly actorKind: 'machine' | 'operator' | 'enrollment' | 'vault';
  readonly actorId: string;
  readonly action: string;
  readonly subject: string | null;
  readonly outcome: string;
  readonly detail: string | null;
  readonly address: string | null;
}

/** Head of a node's chain, for checkpoints. */
export interface AuditHead {
  readonly node: string;
  readonly nodeSequence: number;
  readonly mac: Uint8Array;
}

/** Authenticates audit entries; given to the store when the vault is unsealed, taken away when it is sealed. */
export interface AuditAuthenticator {
  /** HMAC over the previous entry's value and this entry. `previous` is empty for a node's first entry. */
  authenticate(previous: Uint8Array, entry: AuditEntry): Uint8Array;
}
