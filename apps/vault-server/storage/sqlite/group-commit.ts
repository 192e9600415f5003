/**
 * One commit for all operations that arrived in two turns of the event loop: they share the flush to disk, which costs
 * more than they do. Each resolves after the commit; one that fails takes none of the others with it.
 *
 * Two turns and not one: what arrives while the first of them are proven comes along. Under load this doubles the groups
 * and saves a twentieth of a read's CPU; a lone operation waits for one look at idle sockets. A third turn saves nothing.
 */
import type { Database } from './database.ts';
import { asStoreFailure } from './store-failure.ts';

interface Queued {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Result {
  readonly queued: Queued;
  readonly ended: { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'error'; readonly error: unknown };
}

/** State in memory that must follow the transaction: told to keep its place before, and to go back when that is undone. */
export interface Rewindable {
  mark(): () => void;
  /** The transaction is on disk; there is no way back any more. */
  settle(): void;
}

/** Operations of one commit, so that a flood does not hold up the event loop for long. */
const largestGroup = 256;

export class GroupCommit {
  readonly #db: Database;
  readonly #rewindables: readonly Rewindable[];
  readonly #onCommit: () => void;
  #queue: Queued[] = [];
  #scheduled = false;
  #closed = false;

  constructor(db: Database, rewindables: readonly Rewindable[], onCommit: () => void) {
    this.#db = db;
    this.#rewindables = rewindables;
    this.#onCommit = onCommit;
  }

  /**
   * Runs `work` in a transaction; resolves once it is on disk. `work` is synchronous and may run a second time, when
   * another operation of its group failed: it must have no effect outside the database but its result. Rejects with what
   * `work` threw, or `vault-disk-full` and `vault-store-failed`; nothing of it is in the store then.
   */
  run<Value>(work: () => Value): Promise<Value> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    return new Promise<Value>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: never) => void, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => setImmediate(() => this.#commitQueued()));
    });
  }

  /** Commits what is queued; later operations are refused. */
  close(): void {
    this.#closed = true;
    while (this.#queue.length > 0) this.#commitQueued();
  }

  #commitQueued(): void {
    this.#scheduled = false;
    const group = this.#queue.slice(0, largestGroup);
    this.#queue = this.#queue.slice(largestGroup);
    if (group.length === 0) return;
    if (this.#queue.length > 0 && !this.#closed) {
      this.#scheduled = true;
      setImmediate(() => this.#commitQueued());
    }
    for (const { queued, ended } of this.#commit(group)) {
      if (ended.kind === 'value') queued.resolve(ended.value as never);
      else queued.reject(asStoreFailure(ended.error));
    }
    this.#onCommit();
  }

  /** First all together; if one of them throws, again with a savepoint for each. */
  #commit(group: readonly Queued[]): readonly Result[] {
    const rewind = this.#mark();
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const results = group.map((queued): Result => ({ queued, ended: { kind: 'value', value: queued.work() } }));
      this.#commitNow();
      return results;
    } catch {
      this.#undo(rewind);
      return this.#commitEachAlone(group);
    }
  }

  #commitEachAlone(group: readonly Queued[]): readonly Result[] {
    const rewind = this.#mark();
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const results = group.map((queued) => this.#inSavepoint(queued));
      this.#commitNow();
      return results;
    } catch (error) {
      this.#undo(rewind);
      return group.map((queued) => ({ queued, ended: { kind: 'error', error } }));
    }
  }

  #inSavepoint(queued: Queued): Result {
    const rewind = this.#mark();
    this.#db.exec('SAVEPOINT one');
    try {
      const value = queued.work();
      this.#db.exec('RELEASE one');
      return { queued, ended: { kind: 'value', value } };
    } catch (error) {
      if (!this.#db.inTransaction) throw error;
      this.#db.exec('ROLLBACK TO one');
      this.#db.exec('RELEASE one');
      rewind();
      return { queued, ended: { kind: 'error', error } };
    }
  }

  #commitNow(): void {
    this.#db.exec('COMMIT');
    for (const rewindable of this.#rewindables) rewindable.settle();
  }

  #mark(): () => void {
    const ways = this.#rewindables.map((rewindable) => rewindable.mark());
    return () => {
      for (const back of ways) back();
    };
  }

  #undo(rewind: () => void): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    rewind();
  }
}
