/**
 * What pg_hba.conf gives the logins that work today, compared with what it would give those that are to take their place,
 * for every place an application could come from: where that is nobody knows here, and a difference locks it out.
 */
import { blocks, type Finding, warns } from './finding.ts';
import type { HbaRule } from './hba-rules.ts';
import { type Network, networkOf, reaches, wholeInternet } from './network.ts';

export interface HbaDifference {
  readonly file: string;
  readonly line: number;
  /** The login that works today. */
  readonly role: string;
  /** The login that would be treated otherwise. */
  readonly slot: string;
  readonly gives: string;
  readonly meets: string;
}

/** `present`: logins in use · `next`: those that will be; pure. */
export function hbaFindings(
  rules: readonly HbaRule[] | null,
  present: readonly string[],
  next: readonly string[],
  isAccepted: boolean,
): Finding[] {
  if (rules === null) return [warns('hba-hidden')];
  const all = [...new Set([...present, ...next])];
  const trusting = rules.filter((rule) => rule.method === 'trust' && rule.type !== 'local' && rule.logins.some((one) => all.includes(one)));
  const byName = next.length === 0 ? [] : rules.filter((rule) => isBoundToName(rule) && rule.logins.some((one) => present.includes(one)));
  const differing = hbaDifferences(rules, present, next);
  const say = isAccepted ? warns : blocks;
  return [
    ...trusting.map(({ file, line }) => warns('hba-trust-line', { file, line })),
    ...byName.map(({ file, line, method }) => warns('hba-line-goes-by-name', { file, line, method })),
    ...differing.map((difference) => say('hba-differs-for-slots', { ...difference })),
  ];
}

/** One difference for each line and pair of logins, in the order of the lines. */
export function hbaDifferences(rules: readonly HbaRule[], present: readonly string[], next: readonly string[]): readonly HbaDifference[] {
  const found = new Map<string, HbaDifference>();
  for (const role of present) {
    for (const slot of next.filter((one) => one !== role)) {
      for (const difference of differencesOf(rules, role, slot)) {
        found.set(JSON.stringify([difference.file, difference.line, role, slot]), difference);
      }
    }
  }
  return [...found.values()].sort((one, other) => one.line - other.line);
}

type Channel = 'local' | 'plain' | 'tls' | 'gss';

/** Which channels a type of line is for (hba.c, check_hba). */
const channels: Readonly<Record<string, readonly Channel[]>> = {
  local: ['local'],
  host: ['plain', 'tls', 'gss'],
  hostssl: ['tls'],
  hostnossl: ['plain', 'gss'],
  hostgssenc: ['gss'],
  hostnogssenc: ['plain', 'tls'],
};

/** Where a client may come from: a network, and beside it one of the addresses that only the server can resolve. */
interface Place {
  readonly channel: Channel;
  readonly network: Network | null;
  readonly name: string | null;
}

function* differencesOf(all: readonly HbaRule[], role: string, slot: string): Generator<HbaDifference> {
  const rules = all
    .filter((rule) => rule.logins.includes(role) || rule.logins.includes(slot))
    .map((rule) => ({ rule, where: whereOf(rule) }));
  if (rules.every(({ rule }) => rule.logins.includes(role) && rule.logins.includes(slot))) return;
  for (const place of placesOf(rules.map(({ where }) => where))) {
    const firstFor = (login: string): HbaRule | undefined =>
      rules.find(({ rule, where }) => rule.logins.includes(login) && covers(rule, where, place))?.rule;
    const [given, met] = [firstFor(role), firstFor(slot)];
    const differing = given === undefined || given.logins.includes(slot) ? met : given;
    if (differing === undefined || outcomeOf(given) === outcomeOf(met)) continue;
    yield { file: differing.file, line: differing.line, role, slot, gives: wordsOf(given), meets: wordsOf(met) };
  }
}

type Where =
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'name'; readonly name: string };

function whereOf({ address, netmask }: HbaRule): Where {
  if (address === null || address === 'all') return { kind: 'anywhere' };
  const network = netmask === null ? null : networkOf(address, netmask);
  return network === null ? { kind: 'name', name: `${address}/${netmask ?? ''}` } : { kind: 'network', network };
}

/** Networks lie in one another or apart, so each of them, less those within it, stands for all clients that meet the same lines. */
function placesOf(all: readonly Where[]): readonly Place[] {
  const networks = new Map<string, Network>();
  const names = new Set<string>();
  for (const network of wholeInternet) networks.set(network.key, network);
  for (const where of all) {
    if (where.kind === 'network') networks.set(where.network.key, where.network);
    if (where.kind === 'name') names.add(where.name);
  }
  const remote = [...networks.values()].flatMap((network) => [null, ...names].map((name) => ({ network, name })));
  return [
    { channel: 'local', network: null, name: null },
    ...(['plain', 'tls', 'gss'] as const).flatMap((channel) => remote.map((one) => ({ channel, ...one }))),
  ];
}

function covers(rule: HbaRule, where: Where, place: Place): boolean {
  if (channels[rule.type]?.includes(place.channel) !== true) return false;
  switch (where.kind) {
    case 'anywhere':
      return true;
    case 'name':
      return where.name === place.name;
    case 'network':
      return place.network !== null && reaches(where.network, place.network);
    default:
      return where satisfies never;
  }
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
