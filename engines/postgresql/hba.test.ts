import { expect, it } from 'vitest';
import { hbaDifferences, hbaFindings } from './hba.ts';
import type { HbaLines, HbaOfDatabase, HbaRule } from './hba-rules.ts';

const all = ['app', 'app_a'];
let line = 0;
const rule = (change: Partial<HbaRule>): HbaRule => {
  line += 1;
  const usual = { file: '/etc/pg_hba.conf', line, type: 'host', address: 'all', netmask: null, method: 'scram-sha-256', options: [] };
  return { ...usual, logins: all, ...change };
};
const net = (address: string, netmask: string): Partial<HbaRule> => ({ address, netmask });
const there = (rules: readonly HbaRule[]): HbaOfDatabase[] => [{ database: 'shop', isUsed: true, rules }];
const read = (rules: readonly HbaRule[]): HbaLines => ({ kind: 'read', databases: there(rules) });
const differing = (rules: readonly HbaRule[]): readonly number[] =>
  hbaDifferences(there(rules), ['app'], ['app_a']).map((found) => rules.findIndex((one) => one.line === found.line));
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
  const found = (isAccepted: boolean): readonly unknown[] =>
    hbaFindings(read([rule(change)]), ['app'], ['app_a'], isAccepted).map((one) => [one.code, one.severity]);

  expect(found(false)).toEqual(severity === null ? [] : [['hba-line-goes-by-name', severity]]);
  expect(found(true)).toEqual(severity === null ? [] : [['hba-line-goes-by-name', 'warns']]);
});

it('blocks for a line that goes by name where the login is at home, and only warns where it merely may connect', () => {
  const rules = [rule({ method: 'cert', type: 'hostssl' })];
  const severities = (...used: readonly boolean[]): readonly string[] => {
    const databases = used.map((isUsed, index) => ({ database: `db${index}`, isUsed, rules }));
    return hbaFindings({ kind: 'read', databases }, ['app'], ['app_a'], false).map((one) => `${one.severity} ${one.details['database']}`);
  };

  expect(severities(false)).toEqual(['warns db0']);
  expect(severities(false, true, false)).toEqual(['blocks db1']);
});

it('says nothing of a line that goes by name behind one that asks everybody for a password', () => {
  expect(hbaFindings(read([rule({}), rule({ method: 'cert', type: 'hostssl' })]), ['app'], ['app_a'], false)).toEqual([]);
});

it.each([
  { next: ['app_a'], isAccepted: false, severity: 'blocks' },
  { next: ['app_a'], isAccepted: true, severity: 'warns' },
  { next: [], isAccepted: false, severity: 'warns' },
])('says of a line that cannot be parsed, before $next, accepted $isAccepted: $severity', ({ next, isAccepted, severity }) => {
  const found = hbaFindings({ kind: 'broken', file: '/etc/pg_hba.conf', line: 7 }, ['app'], next, isAccepted);

  expect(found).toEqual([{ code: 'hba-line-broken', severity, details: { file: '/etc/pg_hba.conf', line: 7 } }]);
});

it('has nothing to compare in place, where the name stays', () => {
  expect(hbaFindings(read([rule({ logins: ['app'] }), rule({ method: 'cert' })]), ['app'], [], false)).toEqual([]);
});
