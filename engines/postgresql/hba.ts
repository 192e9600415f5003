/**
 * What pg_hba.conf gives the logins that work today, compared with what it would give those that are to take their place,
 * for every place an application could come from: where that is nobody knows here, and a difference locks it out.
 */
import type { AcceptedHba } from './config.ts';
import { blocks, type Finding, warns, when } from './finding.ts';
import { linesFor, markOfBroken, markOfTreatment, marksOfPlaces, wasOtherwise } from './hba-marks.ts';
import { type Meeting, meetings } from './hba-meetings.ts';
import type { HbaClient, HbaLines, HbaOfDatabase, HbaRule } from './hba-rules.ts';

/** `present`: logins in use · `next`: those that will be; pure. */
export function hbaFindings(lines: HbaLines, present: readonly string[], next: readonly string[], accepted: AcceptedHba): Finding[] {
  const all = [...new Set([...present, ...next])];
  return [
    ...when(lines.kind === 'hidden', warns('hba-hidden')),
    ...(lines.kind === 'read' ? trustLines(lines.databases, all) : []),
    ...hbaObstacles(lines, present, next, accepted),
  ];
}

/**
 * What may keep a login out that is to take another's place; `warns` where that cannot be known from here, and where a
 * person has accepted what the lines say of the two in databases that are treated so. One finding for each line and pair of
 * logins. Pure.
 */
export function hbaObstacles(
  lines: HbaLines,
  present: readonly string[],
  next: readonly string[],
  accepted: AcceptedHba,
): readonly Finding[] {
  const pairs = pairsOf(present, next);
  if (lines.kind === 'broken' && pairs.length === 0) return [brokenLine(lines, warns)];
  const found = new Map<string, Finding>();
  for (const { finding, mark, pair, where } of pairs.flatMap((one) => obstaclesOf(lines, one))) {
    const isAccepted = accepted === 'all' || (accepted.includes(mark) && (where === null || !wasOtherwise(where, pair, accepted)));
    const said: Finding = isAccepted ? { ...finding, severity: 'warns' } : finding;
    const { code, details } = said;
    const place = JSON.stringify([code, details['file'], details['line'], details['role'], details['slot']]);
    const before = found.get(place);
    if (before === undefined || (before.severity !== 'blocks' && said.severity === 'blocks')) found.set(place, said);
  }
  return [...found.values()].sort((one, other) => lineOf(one) - lineOf(other));
}

/**
 * The word of a person who was shown what the lines say of each two of these logins: a mark for every way in which databases
 * are treated and where something was to be shown. Pure.
 */
export function hbaMarks(lines: HbaLines, logins: readonly string[]): readonly string[] {
  const all = [...new Set(logins)];
  const pairs = all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other] as const));
  return [...new Set(pairs.flatMap((pair) => marksOf(lines, pair)))];
}

function marksOf(lines: HbaLines, pair: readonly [string, string]): readonly string[] {
  const obstacles = obstaclesOf(lines, pair);
  const shortest = Math.min(...obstacles.flatMap(({ where }) => (where === null ? [] : [linesFor(where.rules, pair)])));
  const places = lines.kind === 'read' ? lines.databases.flatMap((one) => marksOfPlaces(one, pair, shortest)) : [];
  return [...obstacles.map(({ mark }) => mark), ...places];
}

interface Obstacle {
  readonly finding: Finding;
  readonly pair: readonly [string, string];
  /** Null: on the whole server. */
  readonly where: HbaOfDatabase | null;
  /** By which it is known again. */
  readonly mark: string;
}

function obstaclesOf(lines: HbaLines, pair: readonly [string, string]): readonly Obstacle[] {
  switch (lines.kind) {
    case 'hidden':
      return [];
    case 'broken':
      return [{ finding: brokenLine(lines, blocks), pair, where: null, mark: markOfBroken(lines, pair) }];
    case 'read':
      return lines.databases.flatMap((one) => {
        const findings = [...comparisons(one, lines.clients, pair)].flatMap((met) => [...lineByNameIn(met), ...differenceIn(met)]);
        if (findings.length === 0) return [];
        const mark = markOfTreatment(one.rules, pair);
        return findings.map((finding) => ({ finding, pair, where: one, mark }));
      });
    default:
      return lines satisfies never;
  }
}

function brokenLine({ file, line }: Extract<HbaLines, { kind: 'broken' }>, say: typeof blocks): Finding {
  return say('hba-line-broken', { file, line });
}

function differenceIn({ database, role, slot, given, met }: Comparison): readonly Finding[] {
  const differing = given === undefined || given.logins.includes(slot) ? met : given;
  if (differing === undefined || outcomeOf(given) === outcomeOf(met)) return [];
  const { file, line } = differing;
  return [blocks('hba-differs-for-slots', { file, line, database, role, slot, gives: wordsOf(given), meets: wordsOf(met) })];
}

/**
 * A line that goes by the name of the login and that both meet: a slot has another name, and whether anybody has made a
 * certificate or an account of it is not known here. It only warns where a map may say that one name stands for the other,
 * where the login merely may connect, as everybody may, and where those who use the login come in by other lines.
 */
function lineByNameIn({ database, isUsed, isClients, given, met }: Comparison): readonly Finding[] {
  if (given === undefined || !isBoundToName(given) || outcomeOf(given) !== outcomeOf(met)) return [];
  const { file, line, method, options } = given;
  const say = isUsed && isClients && !options.some((option) => option.startsWith('map=')) ? blocks : warns;
  return [say('hba-line-goes-by-name', { file, line, method, database })];
}

function lineOf({ details }: Finding): number {
  return Number(details['line']);
}

interface Comparison extends Meeting {
  readonly database: string;
  readonly isUsed: boolean;
  readonly role: string;
  readonly slot: string;
}

/** What a login in use meets beside what its successor would; nothing where no line could make trouble. */
function* comparisons(
  { database, isUsed, rules }: HbaOfDatabase,
  clients: readonly HbaClient[],
  [role, slot]: readonly [string, string],
): Generator<Comparison> {
  const goesByName = rules.some(isBoundToName);
  const isAlike = rules.every(({ logins }) => logins.includes(role) === logins.includes(slot));
  if (isAlike && !goesByName) return;
  for (const meeting of meetings(rules, role, slot, goesByName ? clients : [])) yield { database, isUsed, role, slot, ...meeting };
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
