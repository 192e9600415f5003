/** Appends to the audit log inside the caller's transaction; keeps the chain's head in memory in step with it. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AuditAuthenticator, AuditEntry, AuditHead } from '../audit-records.ts';
import type { MachineCaller, OperatorCaller } from '../records.ts';
import type { Database } from './database.ts';
import type { Rewindable } from './group-commit.ts';

/** Who acts, for the entry: a proven caller, an enrollment, or the vault itself. */
export type Actor =
  | MachineCaller
  | OperatorCaller
  | { readonly kind: 'enrollment' | 'vault'; readonly id: string; readonly now: number; readonly address: string | null };

export interface AuditedAct {
  readonly action: string;
  readonly subject?: string;
  readonly outcome?: 'ok' | 'denied';
  /** Short facts, never a value: a version, a reason, another id. */
  readonly detail?: string;
}

interface Head {
  readonly node: string;
  readonly nodeSequence: number;
  readonly mac: Uint8Array;
}

export class AuditLog implements Rewindable {
  #authenticator: AuditAuthenticator | null = null;
  #head: Head | null = null;
  readonly #insert;
  readonly #newest;
  readonly #node;

  constructor(db: Database) {
    this.#insert = db.prepare(
      `INSERT INTO audit (node, node_sequence, at, actor_kind, actor_id, action, subject, outcome, detail, address, mac)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#newest = db.prepare<[], { node: string; nodeSequence: number; mac: Buffer }>(
      'SELECT node, node_sequence AS nodeSequence, mac FROM audit ORDER BY sequence DESC LIMIT 1',
    );
    this.#node = db.prepare<[], string>('SELECT node FROM vault').pluck();
  }

  use(authenticator: AuditAuthenticator | null): void {
    this.#authenticator = authenticator;
  }

  /** Throws `vault-sealed` without an authenticator: nothing happens unaudited. */
  append(actor: Actor, act: AuditedAct): void {
    if (this.#authenticator === null) throw new CatalogueError('vault-sealed', {});
    const head = this.#head ?? this.#loadHead();
    const entry: AuditEntry = {
      node: head.node,
      nodeSequence: head.nodeSequence + 1,
      at: actor.now,
      actorKind: actor.kind,
      actorId: actor.id,
      action: act.action,
      subject: act.subject ?? null,
      outcome: act.outcome ?? 'ok',
      detail: act.detail ?? null,
      address: actor.address,
    };
    const mac = this.#authenticator.authenticate(head.mac, entry);
    this.#insert.run(
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
      mac,
    );
    this.#head = { node: head.node, nodeSequence: entry.nodeSequence, mac };
  }

  mark(): () => void {
    const head = this.#head;
    return () => {
      this.#head = head;
    };
  }

  /** Nothing to do: a head that was left behind is of no use to anyone. */
  settle(): void {
    return;
  }

  /** One node writes into this store, so there is one chain. Empty before the first entry. */
  heads(): AuditHead[] {
    const newest = this.#newest.get();
    return newest === undefined ? [] : [newest];
  }

  #loadHead(): Head {
    const newest = this.#newest.get();
    if (newest !== undefined) return newest;
    const node = this.#node.get();
    if (node === undefined) throw new Error('the vault is not initialised');
    return { node, nodeSequence: 0, mac: new Uint8Array() };
  }
}
