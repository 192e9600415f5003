/** By what it is known again what pg_hba.conf says of two logins, once a person has seen it. */
import { createHash } from 'node:crypto';
import type { HbaLines, HbaOfDatabase, HbaRule } from './hba-rules.ts';

type Pair = readonly [string, string];

/**
 * Of one way in which databases are treated: all lines there that are for one of the two logins, whichever of them is in use,
 * since logins change places. Which lines meet where is decided by all of these together, in their order, so any change of one
 * asks again. Their numbers and files, lines for others, and which databases there are say nothing of these two. Pure.
 */
export function markOfTreatment(rules: readonly HbaRule[], pair: Pair): string {
  return markOf(pair, ['read', ...rules.flatMap((rule) => wordsFor(rule, pair))]);
}

/** What the server goes by stands in no file any more: it is the same only until the server loads anything again. Pure. */
export function markOfBroken({ file, line, loadedAt }: Extract<HbaLines, { kind: 'broken' }>, pair: Pair): string {
  return markOf(pair, ['broken', file, line, loadedAt]);
}

/**
 * How each of these databases is treated, where more lines than `shortest` (of the treatments that were shown) stand for it:
 * once such a line goes, what was accepted elsewhere would reach this database, of which it was never said. Pure.
 */
export function marksOfPlaces({ alike, rules }: HbaOfDatabase, pair: Pair, shortest: number): readonly string[] {
  if (linesFor(rules, pair) <= shortest) return [];
  const treatment = markOfTreatment(rules, pair);
  return alike.map((database) => `${markOf(pair, ['in', database])}:${treatment}`);
}

/** Whether one of these databases was treated otherwise when the word was given. Pure. */
export function wasOtherwise({ alike, rules }: HbaOfDatabase, pair: Pair, accepted: readonly string[]): boolean {
  const places = new Map(
    accepted
      .filter((mark) => mark.includes(':'))
      .map((mark) => [mark.slice(0, mark.indexOf(':')), mark.slice(mark.indexOf(':') + 1)] as const),
  );
  if (places.size === 0) return false;
  const treatment = markOfTreatment(rules, pair);
  return alike.some((database) => (places.get(markOf(pair, ['in', database])) ?? treatment) !== treatment);
}

/** How many of the lines are for one of the two. Pure. */
export function linesFor(rules: readonly HbaRule[], pair: Pair): number {
  return rules.filter(({ logins }) => logins.some((login) => pair.includes(login))).length;
}

function markOf(pair: Pair, picture: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([[...pair].sort(), picture]))
    .digest('base64url');
}

function wordsFor(rule: HbaRule, pair: Pair): readonly unknown[] {
  const { type, databases, address, netmask, method, options } = rule;
  const logins = rule.logins.filter((login) => pair.includes(login)).sort();
  return logins.length === 0 ? [] : [[type, databases, logins, address, netmask, method, [...options].sort()]];
}
