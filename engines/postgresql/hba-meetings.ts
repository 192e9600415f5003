/** Which lines of pg_hba.conf two logins meet, for every place an application could come from: where that is nobody knows here. */
import type { HbaClient, HbaRule } from './hba-rules.ts';
import { type Network, networkOf, networkOfClient, reaches, wholeInternet } from './network.ts';

/** The line that each of two logins meets first at one place; undefined where none is for it. */
export interface Meeting {
  readonly given: HbaRule | undefined;
  readonly met: HbaRule | undefined;
  /** A client that is connected may have come in here; also where none is known, since it could be anywhere. */
  readonly isClients: boolean;
}

/** One for every place there is. */
export function* meetings(all: readonly HbaRule[], role: string, slot: string, clients: readonly HbaClient[]): Generator<Meeting> {
  const rules = all
    .filter((rule) => rule.logins.includes(role) || rule.logins.includes(slot))
    .map((rule) => ({ rule, where: whereOf(rule) }));
  const known = clients.flatMap(({ address, channel }) => {
    const network = networkOfClient(address);
    return network === null ? [] : [{ channel, network }];
  });
  const wheres = [...rules.map(({ where }) => where), ...known.map(({ network }) => ({ kind: 'network', network }) as const)];
  for (const place of placesOf(wheres)) {
    const firstFor = (login: string): HbaRule | undefined =>
      rules.find(({ rule, where }) => rule.logins.includes(login) && covers(rule, where, place))?.rule;
    const isHere = known.some(({ channel, network }) => channel === place.channel && network.key === place.network?.key);
    yield { given: firstFor(role), met: firstFor(slot), isClients: isHere || known.length === 0 };
  }
}

type Channel = 'local' | HbaClient['channel'];

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
