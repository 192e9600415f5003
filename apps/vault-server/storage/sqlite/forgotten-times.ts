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
/**
 * A vault that is asked now and then has many. Beyond these, the two that have least between them become one: what lies
 * between is then taken for forgotten, and there may come a time that is right and in which honest requests are refused.
 */
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

  /** The first time from `at` on that no span reaches into, where each time stands for the `width` that follows it. */
  freeFrom(at: number, width: number): number {
    return this.#spans.reduce((free, span) => (span.from <= free + width && free <= span.to ? span.to + 1 : free), at);
  }

  /** The beginning of the first span that begins after this time; null: none does. */
  nextAfter(at: number): number | null {
    return this.#spans.find((span) => span.from > at)?.from ?? null;
  }

  /** `now` stays free if it is: it is never between two spans that become one. */
  add(from: number, to: number, now: number): void {
    const near = (span: Span): boolean => span.from - sameStretchMs <= to && from <= span.to + sameStretchMs;
    const joined = [{ from, to }, ...this.#spans.filter(near)].reduce(union);
    const spans = [...this.#spans.filter((span) => !near(span)), joined].toSorted((left, right) => left.from - right.from);
    this.#spans = spans.length > mostSpans ? withoutSmallestGap(spans, now) : spans;
  }

  /** Writes them down; in the transaction that deletes what they speak of. */
  keep(): void {
    this.#clear.run();
    for (const { from, to } of this.#spans) this.#insert.run(from, to);
  }
}

/** `spans` in order. */
function withoutSmallestGap(spans: readonly Span[], now: number): readonly Span[] {
  let nearest: readonly [Span, Span] | null = null;
  for (const [index, right] of spans.entries()) {
    const left = spans[index - 1];
    if (left === undefined || (left.to < now && now < right.from)) continue;
    if (nearest === null || gap(left, right) < gap(...nearest)) nearest = [left, right];
  }
  if (nearest === null) return spans;
  const [left, right] = nearest;
  return spans.flatMap((span) => (span === left ? [union(left, right)] : span === right ? [] : [span]));
}

function gap(left: Span, right: Span): number {
  return right.from - left.to;
}

function union(one: Span, other: Span): Span {
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}
