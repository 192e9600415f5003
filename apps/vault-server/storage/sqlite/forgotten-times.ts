/**
 * From when to when the forgotten nonces expired: one span for each stretch of time that the clock told. A clock that was
 * ahead for a while leaves a span of its own, so that a time which nothing was forgotten of is not taken for one.
 */
import type { Database } from './database.ts';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Spans nearer to each other than this are one. Not more: between them may lie the time that is right. */
const sameStretchMs = 60_000;
/** A vault that is asked now and then has many. More are not kept apart: the two oldest become one. */
const mostSpans = 64;

export class ForgottenTimes {
  #spans: readonly Span[];
  readonly #clear;
  readonly #insert;

  constructor(db: Database) {
    this.#spans = db.prepare<[], Span>('SELECT from_at AS "from", to_at AS "to" FROM forgotten_nonces ORDER BY from_at').all();
    this.#clear = db.prepare('DELETE FROM forgotten_nonces');
    this.#insert = db.prepare<[number, number]>('INSERT INTO forgotten_nonces (from_at, to_at) VALUES (?, ?)');
  }

  touches(from: number, to: number): boolean {
    return this.#spans.some((span) => span.from <= to && from <= span.to);
  }

  add(from: number, to: number): void {
    const near = (span: Span): boolean => span.from - sameStretchMs <= to && from <= span.to + sameStretchMs;
    const joined = [{ from, to }, ...this.#spans.filter(near)].reduce(union);
    const spans = [...this.#spans.filter((span) => !near(span)), joined].toSorted((left, right) => left.from - right.from);
    const [first, second, ...rest] = spans;
    this.#spans = spans.length > mostSpans && first !== undefined && second !== undefined ? [union(first, second), ...rest] : spans;
  }

  /** Writes them down; in the transaction that deletes what they speak of. */
  keep(): void {
    this.#clear.run();
    for (const { from, to } of this.#spans) this.#insert.run(from, to);
  }
}

function union(one: Span, other: Span): Span {
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}
