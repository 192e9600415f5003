/**
 * What pg_hba.conf gives the logins that work today, compared with what it would give those that are to take their place,
 * for every place an application could come from: where that is nobody knows here, and a difference locks it out.
 */
import { blocks, type Finding, warns, when } from './finding.ts';
import { meetings } from './hba-meetings.ts';
import type { HbaLines, HbaOfDatabase, HbaRule } from './hba-rules.ts';

export interface HbaDifference {
  readonly file: string;
  readonly line: number;
  readonly database: string;
  /** The login that works today. */
  readonly role: string;
  /** The login that would be treated otherwise. */
  readonly slot: string;
  readonly gives: string;
  readonly meets: string;
}

/** `present`: logins in use · `next`: those that will be; pure. */
export function hbaFindings(lines: HbaLines, present: readonly string[], next: readonly string[], isAccepted: boolean): Finding[] {
  const all = [...new Set([...present, ...next])];
  return [
    ...when(lines.kind === 'hidden', warns('hba-hidden')),
    ...(lines.kind === 'read' ? trustLines(lines.databases, all) : []),
    ...hbaObstacles(lines, present, next).map((one) => (isAccepted ? { ...one, severity: 'warns' as const } : one)),
  ];
}

/** What may keep a login out that is to take another's place; `warns` where that cannot be known from here. Pure. */
export function hbaObstacles(lines: HbaLines, present: readonly string[], next: readonly string[]): readonly Finding[] {
  switch (lines.kind) {
    case 'hidden':
      return [];
    case 'broken': {
      const say = present.length > 0 && next.length > 0 ? blocks : warns;
      return [say('hba-line-broken', { file: lines.file, line: lines.line })];
    }
    case 'read':
      return [
        ...linesByName(lines.databases, present, next),
        ...hbaDifferences(lines.databases, present, next).map((difference) => blocks('hba-differs-for-slots', { ...difference })),
      ];
    default:
      return lines satisfies never;
  }
}

/** One difference for each line and pair of logins, in the order of the lines; of several databases the first. */
export function hbaDifferences(
  databases: readonly HbaOfDatabase[],
  present: readonly string[],
  next: readonly string[],
): readonly HbaDifference[] {
  const found = new Map<string, HbaDifference>();
  for (const { database, role, slot, given, met } of comparisons(databases, present, next)) {
    const differing = given === undefined || given.logins.includes(slot) ? met : given;
    if (differing === undefined || outcomeOf(given) === outcomeOf(met)) continue;
    const { file, line } = differing;
    const key = JSON.stringify([file, line, role, slot]);
    if (!found.has(key)) found.set(key, { file, line, database, role, slot, gives: wordsOf(given), meets: wordsOf(met) });
  }
  return [...found.values()].sort((one, other) => one.line - other.line);
}

/**
 * Lines that go by the name of the login and that both meet: a slot has another name, and whether anybody has made a
 * certificate or an account of it is not known here. They only warn where a map may say that one name stands for the other,
 * and where the login merely may connect, as everybody may.
 */
function linesByName(databases: readonly HbaOfDatabase[], present: readonly string[], next: readonly string[]): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const { database, isUsed, given, met } of comparisons(databases, present, next)) {
    if (given === undefined || !isBoundToName(given) || outcomeOf(given) !== outcomeOf(met)) continue;
    const { file, line, method, options } = given;
    const say = isUsed && !options.some((option) => option.startsWith('map=')) ? blocks : warns;
    const key = JSON.stringify([file, line]);
    if (found.get(key)?.severity !== 'blocks') found.set(key, say('hba-line-goes-by-name', { file, line, method, database }));
  }
  return [...found.values()];
}

interface Comparison {
  readonly database: string;
  readonly isUsed: boolean;
  readonly role: string;
  readonly slot: string;
  readonly given: HbaRule | undefined;
  readonly met: HbaRule | undefined;
}

/** What each login in use meets beside what its successor would; nothing where no line could make trouble. */
function* comparisons(databases: readonly HbaOfDatabase[], present: readonly string[], next: readonly string[]): Generator<Comparison> {
  for (const { database, isUsed, rules } of databases) {
    for (const [role, slot] of pairsOf(present, next)) {
      const isAlike = rules.every(({ logins }) => logins.includes(role) === logins.includes(slot));
      if (isAlike && !rules.some(isBoundToName)) continue;
      for (const [given, met] of meetings(rules, role, slot)) yield { database, isUsed, role, slot, given, met };
    }
  }
}

function trustLines(databases: readonly HbaOfDatabase[], logins: readonly string[]): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const { file, line, type, method, logins: meant } of databases.filter(({ isUsed }) => isUsed).flatMap(({ rules }) => rules)) {
    if (method !== 'trust' || type === 'local' || !meant.some((one) => logins.includes(one))) continue;
    found.set(JSON.stringify([file, line]), warns('hba-trust-line', { file, line }));
  }
  return [...found.values()];
}

function pairsOf(present: readonly string[], next: readonly string[]): readonly (readonly [string, string])[] {
  return present.flatMap((role) => next.filter((slot) => slot !== role).map((slot) => [role, slot] as const));
}

/** A SCRAM verifier passes a line for md5 as well; `password` would have it sent in clear. */
const passwordMethods = new Set(['md5', 'scram-sha-256']);

function outcomeOf(rule: HbaRule | undefined): string {
  if (rule === undefined || rule.method === 'reject') return 'refused';
  return JSON.stringify([passwordMethods.has(rule.method) ? 'hashed' : rule.method, [...rule.options].sort()]);
}

function wordsOf(rule: HbaRule | undefined): string {
  return rule === undefined ? 'no line (refused)' : `${[rule.method, ...rule.options].join(' ')} (line ${rule.line})`;
}

/**
 * Methods that ask who somebody is elsewhere, under the name of the login, and compare no password of the database.
 * `local` lines are left out: there nearly every server has `peer`, for people on its own machine.
 */
function isBoundToName({ type, method, options }: HbaRule): boolean {
  if (type === 'local' || method === 'reject') return false;
  return !(passwordMethods.has(method) || method === 'password' || method === 'trust') || options.includes('clientcert=verify-full');
}
