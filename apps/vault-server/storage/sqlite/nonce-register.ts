/**
 * The nonces that were used: on disk as an append-only table of hashes, in memory as sets that answer without a search.
 * A unique index on disk would touch a page of its own for each nonce, which costs more than the whole rest of a read.
 * One process writes this store (the lock of `database.ts`), so memory and table agree; opening reads the table.
 *
 * Of what is forgotten it keeps the times: a clock that went back into one of them finds no memory there, and says so.
 */
import type { Database } from './database.ts';
import { ForgottenTimes } from './forgotten-times.ts';
import type { Rewindable } from './group-commit.ts';

const bucketMs = 60_000;
/** Nonces that end later than this from now were written by a clock that was put back since: they stay until then. */
const aheadMs = 3_600_000;

interface NonceRow {
  readonly hash: number;
  readonly expiresAt: number;
}

/** The rows up to this number need no look until the first of them ends. */
interface Passed {
  readonly number: number;
  readonly until: number;
}
const nonePassed: Passed = { number: 0, until: Number.POSITIVE_INFINITY };

export class NonceRegister implements Rewindable {
  /** By the minute in which they expire. */
  readonly #buckets = new Map<number, Set<number>>();
  readonly #forgotten: ForgottenTimes;
  #passed = nonePassed;
  /** Added since the last settled commit, for the way back. */
  #added: NonceRow[] = [];
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#sql = prepare(db);
    this.#forgotten = new ForgottenTimes(db);
    for (const row of this.#sql.all.iterate()) this.#bucket(row.expiresAt).add(row.hash);
  }

  /**
   * Records the nonce until `expiresAt`; false when this identity used it before. Never wrong about a nonce that was
   * used; about a fresh one once in 10^10 times at most (53 bits, a million kept), which costs one repeated request.
   */
  use(identity: string, nonce: string, expiresAt: number): boolean {
    const hash = hashOf(`${identity}\n${nonce}`);
    for (const bucket of this.#buckets.values()) if (bucket.has(hash)) return false;
    this.#bucket(expiresAt).add(hash);
    this.#added.push({ hash, expiresAt });
    this.#sql.insert.run(hash, expiresAt);
    return true;
  }

  /** Whether a nonce that expires between these times, ends included, may have been forgotten already. */
  hasForgotten(from: number, to: number): boolean {
    return this.#forgotten.touches(from, to);
  }

  /** The earliest start, from this one on, of a stretch of this length of which nothing may have been forgotten. */
  rememberedFrom(from: number, length: number): number {
    return this.#forgotten.freeFrom(from, length);
  }

  /** The earliest time after this one of which something may have been forgotten; null: none is known. */
  nextForgotten(after: number): number | null {
    return this.#forgotten.nextAfter(after);
  }

  /** Forgets what expired at least a minute ago, at most `limit` rows. Only for a clock that is known to be right. Returns how many it worked on. */
  prune(now: number, limit: number): number {
    const oldest = Math.floor(now / bucketMs);
    const gone = [...this.#buckets.keys()].filter((minute) => minute < oldest);
    for (const minute of gone) {
      this.#forgotten.add(minute * bucketMs, (minute + 1) * bucketMs - 1, now);
      this.#buckets.delete(minute);
    }
    if (this.#passed.until < oldest * bucketMs) this.#passed = nonePassed;
    const passed = this.#passAhead(now, limit);
    const { changes } = this.#sql.delete.run(this.#passed.number, limit, oldest * bucketMs);
    if (changes > 0) this.#forgotten.keep();
    this.#passed = passed.place;
    return changes + passed.count;
  }

  mark(): () => void {
    const length = this.#added.length;
    const passed = this.#passed;
    return () => {
      this.#passed = passed;
      for (const { hash, expiresAt } of this.#added.splice(length)) this.#bucket(expiresAt).delete(hash);
    };
  }

  settle(): void {
    this.#added = [];
  }

  /**
   * The oldest rows are those looked at, so what must stay for long may not stand before them: it is passed, once, and
   * looked at again when the first of it may go. Never further than to a row that stays, so new rows come behind the place.
   */
  #passAhead(now: number, limit: number): { readonly place: Passed; readonly count: number } {
    const rows = this.#sql.oldest.all(this.#passed.number, limit);
    const live = rows.findIndex(({ expiresAt }) => expiresAt >= Math.floor(now / bucketMs) * bucketMs && expiresAt <= now + aheadMs);
    const ahead = rows.slice(0, live < 0 ? rows.length : live).filter(({ expiresAt }) => expiresAt > now + aheadMs);
    const until = ahead.reduce((first, { expiresAt }) => Math.min(first, expiresAt), this.#passed.until);
    return { place: { number: ahead.at(-1)?.number ?? this.#passed.number, until }, count: ahead.length };
  }

  #bucket(expiresAt: number): Set<number> {
    const minute = Math.floor(expiresAt / bucketMs);
    const known = this.#buckets.get(minute);
    if (known !== undefined) return known;
    const bucket = new Set<number>();
    this.#buckets.set(minute, bucket);
    return bucket;
  }
}

function prepare(db: Database) {
  return {
    all: db.prepare<[], NonceRow>('SELECT hash, expires_at AS expiresAt FROM nonces'),
    insert: db.prepare<[number, number]>('INSERT INTO nonces (hash, expires_at) VALUES (?, ?)'),
    oldest: db.prepare<[number, number], { readonly number: number; readonly expiresAt: number }>(
      'SELECT number, expires_at AS expiresAt FROM nonces WHERE number > ? ORDER BY number LIMIT ?',
    ),
    delete: db.prepare<[number, number, number]>(
      'DELETE FROM nonces WHERE number IN (SELECT number FROM nonces WHERE number > ? ORDER BY number LIMIT ?) AND expires_at < ?',
    ),
  };
}

/** 53 bits by two multiplying hashes. Not secret and need not be: who finds a collision refuses only a request of his own. */
function hashOf(text: string): number {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return (high & 0x1fffff) * 0x1_0000_0000 + (low >>> 0);
}
