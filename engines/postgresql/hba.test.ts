import { expect, it } from 'vitest';
import type { AcceptedHba } from './config.ts';
import { hbaFindings, hbaMarks, hbaObstacles } from './hba.ts';
import type { HbaClient, HbaLines, HbaOfDatabase, HbaRule } from './hba-rules.ts';

const all = ['app', 'app_a'];
let line = 0;
const rule = (change: Partial<HbaRule>): HbaRule => {
  line += 1;
  const usual = { file: '/etc/pg_hba.conf', line, type: 'host', address: 'all', netmask: null, method: 'scram-sha-256', options: [] };
  return { ...usual, databases: ['all'], logins: all, ...change };
};
const net = (address: string, netmask: string): Partial<HbaRule> => ({ address, netmask });
const read = (rules: readonly HbaRule[], clients: readonly HbaClient[] = []): HbaLines => ({
  kind: 'read',
  databases: [{ database: 'shop', alike: ['shop'], isUsed: true, rules }],
  clients,
});
const differing = (rules: readonly HbaRule[]): readonly number[] =>
  hbaObstacles(read(rules), ['app'], ['app_a'], [])
    .filter(({ code }) => code === 'hba-differs-for-slots')
    .map(({ details }) => rules.findIndex((one) => one.line === details['line']));
const loopback = net('127.0.0.1', '255.255.255.255');

it.each<{ name: string; rules: readonly HbaRule[]; expected: readonly number[] }>([
  { name: 'no line at all', rules: [], expected: [] },
  {
    name: 'the login by certificate, slots by password',
    rules: [rule({ type: 'hostssl', method: 'cert', logins: ['app'] }), rule({})],
    expected: [0],
  },
  {
    name: 'another map',
    rules: [rule({ method: 'cert', options: ['map=a'], logins: ['app'] }), rule({ method: 'cert', options: ['map=b'] })],
    expected: [0],
  },
  {
    name: 'the same map',
    rules: [rule({ method: 'cert', options: ['map=a'], logins: ['app'] }), rule({ method: 'cert', options: ['map=a'] })],
    expected: [],
  },
  { name: 'slots sent to LDAP', rules: [rule({ logins: ['app'] }), rule({ method: 'ldap', options: ['ldapserver=x'] })], expected: [0] },
  { name: 'a line behind one for everybody', rules: [rule({}), rule({ method: 'reject', logins: ['app_a'] })], expected: [] },
  { name: 'a line behind one for TLS only', rules: [rule({ type: 'hostssl' }), rule({ logins: ['app'] })], expected: [1] },
  {
    name: 'lines that part at TLS and agree',
    rules: [rule({ type: 'hostssl', logins: ['app'] }), rule({ type: 'hostnossl' }), rule({ type: 'hostssl' })],
    expected: [],
  },
  {
    name: 'a network within a network',
    rules: [rule({ ...loopback, logins: ['app'] }), rule(net('127.0.0.0', '255.0.0.0'))],
    expected: [],
  },
  {
    name: 'a network within a refused one',
    rules: [rule({ ...loopback, logins: ['app'] }), rule({ ...net('127.0.0.0', '255.0.0.0'), method: 'reject' }), rule({})],
    expected: [0],
  },
  { name: 'networks apart', rules: [rule({ ...loopback, logins: ['app'] }), rule(net('10.0.0.0', '255.0.0.0'))], expected: [0] },
  {
    name: 'anywhere, with both families named for the slots',
    rules: [rule({ logins: ['app'] }), rule(net('0.0.0.0', '0.0.0.0')), rule(net('::', '::'))],
    expected: [],
  },
  {
    name: 'anywhere, with one family named for the slots',
    rules: [rule({ logins: ['app'] }), rule(net('0.0.0.0', '0.0.0.0'))],
    expected: [0],
  },
  {
    name: 'a host name',
    rules: [rule({ address: '.example', logins: ['app'] }), rule({ address: '.example', method: 'reject' }), rule({})],
    expected: [0],
  },
  {
    name: 'a host name that may lie in a refused network',
    rules: [rule({ ...loopback, method: 'reject', logins: ['app_a'] }), rule({ address: 'db.example' })],
    expected: [0],
  },
  { name: 'refused by a line, or by none', rules: [rule({ method: 'reject', logins: ['app'] })], expected: [] },
])('finds what the slot gets otherwise: $name', ({ rules, expected }) => {
  expect(differing(rules)).toEqual(expected);
});

it.each([
  { method: 'cert', options: [], type: 'hostssl', severity: 'blocks' },
  { method: 'cert', options: ['map=clients'], type: 'hostssl', severity: 'warns' },
  { method: 'ldap', options: [], type: 'host', severity: 'blocks' },
  { method: 'scram-sha-256', options: ['clientcert=verify-full'], type: 'hostssl', severity: 'blocks' },
  { method: 'scram-sha-256', options: ['clientcert=verify-ca'], type: 'hostssl', severity: null },
  { method: 'peer', options: [], type: 'local', severity: null },
  { method: 'reject', options: [], type: 'host', severity: null },
])('says of a $type line for everybody that goes by the name of the login: $method $options: $severity', ({ severity, ...change }) => {
  const found = (accepted: AcceptedHba): readonly unknown[] =>
    hbaFindings(read([rule(change)]), ['app'], ['app_a'], accepted).map((one) => [one.code, one.severity]);

  expect(found([])).toEqual(severity === null ? [] : [['hba-line-goes-by-name', severity]]);
  expect(found('all')).toEqual(severity === null ? [] : [['hba-line-goes-by-name', 'warns']]);
});

it('blocks for a line that goes by name where the login is at home, and only warns where it merely may connect', () => {
  const rules = [rule({ method: 'cert', type: 'hostssl' })];
  const severities = (...used: readonly boolean[]): readonly string[] => {
    const databases = used.map((isUsed, index) => ({ database: `db${index}`, alike: [`db${index}`], isUsed, rules }));
    return hbaFindings({ kind: 'read', databases, clients: [] }, ['app'], ['app_a'], []).map(
      (one) => `${one.severity} ${one.details['database']}`,
    );
  };

  expect(severities(false)).toEqual(['warns db0']);
  expect(severities(false, true, false)).toEqual(['blocks db1']);
});

it('says nothing of a line that goes by name behind one that asks everybody for a password', () => {
  expect(hbaFindings(read([rule({}), rule({ method: 'cert', type: 'hostssl' })]), ['app'], ['app_a'], [])).toEqual([]);
});

const broken = (loadedAt: string): HbaLines => ({ kind: 'broken', file: '/etc/pg_hba.conf', line: 7, loadedAt });

it.each<{ next: string[]; accepted: AcceptedHba; severity: string }>([
  { next: ['app_a'], accepted: [], severity: 'blocks' },
  { next: ['app_a'], accepted: 'all', severity: 'warns' },
  { next: [], accepted: [], severity: 'warns' },
])('says of a line that cannot be parsed, before $next, accepted $accepted: $severity', ({ next, accepted, severity }) => {
  const found = hbaFindings(broken('1'), ['app'], next, accepted);

  expect(found).toEqual([{ code: 'hba-line-broken', severity, details: { file: '/etc/pg_hba.conf', line: 7 } }]);
});

it('has nothing to compare in place, where the name stays', () => {
  expect(hbaFindings(read([rule({ logins: ['app'] }), rule({ method: 'cert' })]), ['app'], [], [])).toEqual([]);
});

const people = rule({ ...net('10.1.0.0', '255.255.0.0'), type: 'hostssl', method: 'ldap' });

it.each<{ name: string; clients: readonly HbaClient[]; severity: string }>([
  { name: 'nobody is connected', clients: [], severity: 'blocks' },
  { name: 'the application comes from there', clients: [{ address: '10.1.2.3', channel: 'tls' }], severity: 'blocks' },
  { name: 'the application comes from elsewhere', clients: [{ address: '10.2.2.3', channel: 'tls' }], severity: 'warns' },
  { name: 'the application comes from there without TLS', clients: [{ address: '10.1.2.3', channel: 'plain' }], severity: 'warns' },
  {
    name: 'one application of two comes from there',
    clients: [
      { address: '10.2.2.3', channel: 'tls' },
      { address: '10.1.2.3', channel: 'tls' },
    ],
    severity: 'blocks',
  },
  { name: 'the application comes in by IPv6', clients: [{ address: 'fd00::7', channel: 'tls' }], severity: 'warns' },
])('says of a line that sends people to a directory, while $name: $severity', ({ clients, severity }) => {
  expect(hbaObstacles(read([people, rule({})], clients), ['app'], ['app_a'], [])).toMatchObject([
    { code: 'hba-line-goes-by-name', severity, details: { line: people.line } },
  ]);
});

it('takes a line whose address only the server can tell for one by which a known client may come in', () => {
  const lines = read([rule({ address: 'samenet', method: 'ident' }), rule({})], [{ address: '10.2.2.3', channel: 'plain' }]);

  expect(hbaObstacles(lines, ['app'], ['app_a'], [])).toMatchObject([{ severity: 'blocks' }]);
});

it('blocks again by a line that cannot be parsed once the server has loaded anything since a person accepted it', () => {
  const accepted = hbaMarks(broken('1'), ['app', 'app_a']);
  const severities = (loadedAt: string): readonly string[] =>
    hbaObstacles(broken(loadedAt), ['app'], ['app_a'], accepted).map(({ severity }) => severity);

  expect(severities('1')).toEqual(['warns']);
  expect(severities('2')).toEqual(['blocks']);
});

const everybody = { logins: ['app', 'app_a', 'app_b'] };
const named = rule({ ...loopback, logins: ['app', 'app_a'] });
const above = rule({ ...net('127.0.0.2', '255.255.255.255'), ...everybody });
const refusing = rule({ ...net('127.0.0.0', '255.0.0.0'), ...everybody, method: 'reject' });
const rest = rule(everybody);
const seen = [above, named, refusing, rest];

it.each<{ name: string; rules: readonly HbaRule[]; pair?: readonly [string, string]; severities: readonly string[] }>([
  { name: 'the lines that were accepted', rules: seen, severities: ['warns'] },
  { name: 'them once the logins have changed places', rules: seen, pair: ['app_b', 'app'], severities: ['warns'] },
  { name: 'the same of a login that was not shown', rules: seen, pair: ['app_a', 'app_b'], severities: ['blocks'] },
  { name: 'them below other lines', rules: seen.map((one) => ({ ...one, line: one.line + 900 })), severities: ['warns'] },
  {
    name: 'them beside a line for others',
    rules: [...seen.slice(0, 2), rule({ logins: ['app_a'] }), ...seen.slice(2)],
    severities: ['warns'],
  },
  { name: 'them without the line above, which kept the refusal from another place', rules: seen.slice(1), severities: ['blocks'] },
  { name: 'them in another order', rules: [named, above, refusing, rest], severities: ['blocks'] },
  {
    name: 'one that sends the slot elsewhere',
    rules: [above, named, { ...refusing, method: 'ldap' }, rest],
    severities: ['blocks', 'blocks'],
  },
  { name: 'one for another database', rules: [above, { ...named, databases: ['shop'] }, refusing, rest], severities: ['blocks'] },
  {
    name: 'a further one that rejects the slot',
    rules: [rule({ ...net('10.0.0.0', '255.0.0.0'), method: 'reject', logins: ['app_b'] }), ...seen],
    severities: ['blocks', 'blocks'],
  },
])('after a word on what the lines say, says of $name: $severities', ({ rules, pair: [role, slot] = ['app', 'app_b'], severities }) => {
  const accepted = hbaMarks(read(seen), ['app', 'app_b']);

  expect(hbaObstacles(read(seen), ['app'], ['app_b'], []).map(({ severity }) => severity)).toEqual(['blocks']);
  expect(hbaObstacles(read(rules), [role], [slot], accepted).map(({ severity }) => severity)).toEqual(severities);
});

const place = (database: string, rules: readonly HbaRule[], alike: readonly string[] = []): HbaOfDatabase => ({
  database,
  alike: [database, ...alike],
  isUsed: database === 'shop',
  rules,
});
const server = (...databases: readonly HbaOfDatabase[]): HbaLines => ({ kind: 'read', clients: [], databases });
const forShop = rule({ ...net('127.0.0.9', '255.255.255.255'), ...everybody, databases: ['shop'] });
const archived = rule({ databases: ['archive'], method: 'ldap', logins: ['app_b'] });

it.each<{ name: string; now: HbaLines; severities: readonly string[] }>([
  { name: 'databases come that are treated alike', now: server(place('shop', seen, ['t1', 't2'])), severities: ['warns'] },
  {
    name: 'a database comes with a line of its own that is alike for both',
    now: server(place('shop', seen), place('archive', [rule({ ...everybody, databases: ['archive'] }), rest])),
    severities: ['warns'],
  },
  {
    name: 'a database comes with a line for a third login',
    now: server(place('shop', seen), place('archive', [rule({ logins: ['app_a'], databases: ['archive'] })])),
    severities: ['warns'],
  },
  {
    name: 'a database comes that sends the slot elsewhere',
    now: server(place('shop', seen), place('archive', [archived, rest])),
    severities: ['warns', 'blocks'],
  },
])('keeps a word on one database when $name: $severities', ({ now, severities }) => {
  const accepted = hbaMarks(server(place('shop', seen)), ['app', 'app_b']);

  expect(hbaObstacles(now, ['app'], ['app_b'], accepted).map(({ severity }) => severity)).toEqual(severities);
});

it('keeps a word on each of two databases when the other goes, and asks again for none that comes back', () => {
  const both = server(place('shop', seen), place('archive', [archived, rest]));
  const accepted = hbaMarks(both, ['app', 'app_b']);
  const severities = (now: HbaLines): readonly string[] => hbaObstacles(now, ['app'], ['app_b'], accepted).map(({ severity }) => severity);

  expect(severities(server(place('shop', seen)))).toEqual(['warns']);
  expect(severities(server(place('archive', [archived, rest])))).toEqual(['warns']);
  expect(severities(both)).toEqual(['warns', 'warns']);
});

it('blocks again where a line of a database goes that kept from it what was accepted in another', () => {
  const accepted = hbaMarks(server(place('shop', [forShop, ...seen]), place('archive', seen)), ['app', 'app_b']);
  const severities = (now: HbaLines): readonly string[] => hbaObstacles(now, ['app'], ['app_b'], accepted).map(({ severity }) => severity);

  expect(severities(server(place('shop', [forShop, ...seen]), place('archive', seen)))).toEqual(['warns']);
  expect(severities(server(place('archive', seen, ['later'])))).toEqual(['warns']);
  expect(severities(server(place('archive', seen, ['shop'])))).toEqual(['blocks']);
});
