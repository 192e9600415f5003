/** By what it is known again what pg_hba.conf says of two logins, once a person has seen it. */
import { createHash } from 'node:crypto';
import type { HbaLines, HbaRule } from './hba-rules.ts';

/**
 * A mark for each two of these logins: the word of a person who was shown what the lines say of them, whichever of the two is
 * in use, since logins change places. Pure.
 */
export function hbaMarks(lines: HbaLines, logins: readonly string[]): readonly string[] {
  const all = [...new Set(logins)];
  return all.flatMap((one, index) => all.slice(index + 1).map((other) => hbaMark(lines, [one, other])));
}

/**
 * Made of everything that the comparison of the two reads in the lines: all lines that are for one of them, in their order,
 * in whatever database. Which lines meet where is decided by all of them together, so any change of one of them asks again;
 * their numbers and files, and lines for others, say nothing of these two.
 */
export function hbaMark(lines: HbaLines, pair: readonly [string, string]): string {
  return createHash('sha256')
    .update(JSON.stringify([[...pair].sort(), pictureOf(lines, pair)]))
    .digest('base64url');
}

function pictureOf(lines: HbaLines, pair: readonly [string, string]): readonly string[] {
  switch (lines.kind) {
    case 'hidden':
      return ['hidden'];
    case 'broken':
      // What the server goes by stands in no file any more: it is the same only until the server loads anything again.
      return ['broken', lines.file, String(lines.line), lines.loadedAt];
    case 'read': {
      // Databases come and go; what counts is in how many ways they are treated.
      const treatments = lines.databases.map(({ rules }) => JSON.stringify(rules.flatMap((rule) => wordsFor(rule, pair))));
      return ['read', ...[...new Set(treatments)].sort()];
    }
    default:
      return lines satisfies never;
  }
}

function wordsFor(rule: HbaRule, pair: readonly [string, string]): readonly unknown[] {
  const { type, databases, address, netmask, method, options } = rule;
  const logins = rule.logins.filter((login) => pair.includes(login)).sort();
  return logins.length === 0 ? [] : [[type, databases, logins, address, netmask, method, [...options].sort()]];
}
