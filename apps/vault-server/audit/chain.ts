/**
 * The audit log's chain: each entry of a node is authenticated together with the value of the entry before it, with a
 * key derived from the root key. Who lacks the key can neither change, remove nor reorder an entry unseen.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import type { AuditAuthenticator, AuditEntry } from '../storage/audit-records.ts';

/** What the chain covers, in one unambiguous text. The order of the fields is part of the format. */
export function entryText(entry: AuditEntry): string {
  return JSON.stringify([
    1,
    entry.node,
    entry.nodeSequence,
    entry.at,
    entry.actorKind,
    entry.actorId,
    entry.action,
    entry.subject,
    entry.outcome,
    entry.detail,
    entry.address,
  ]);
}

/** HMAC-SHA-256 over the previous value (empty for a node's first entry) and the entry. */
export function createAuditAuthenticator(auditKey: KeyObject): AuditAuthenticator {
  return {
    authenticate: (previous, entry) => createHmac('sha256', auditKey).update(previous).update(entryText(entry), 'utf8').digest(),
  };
}
