import { expect, test } from 'vitest';
import { readCommandLine } from './command-line.ts';

test('serve listens on this host only, keeps ten failures a minute, and unseals itself only when told to', () => {
  expect(readCommandLine(['serve', '--data', 'd'])).toEqual({
    kind: 'serve',
    dataDirectory: 'd',
    listen: 'localhost:7330',
    tlsCertificateFile: null,
    tlsKeyFile: null,
    autoUnsealFile: null,
    apiUrl: null,
    insecureListen: false,
    logLevel: 'info',
    lockoutFailures: 10,
    lockoutLoopback: true,
    json: false,
  });
});

test.each([
  [['init', '--data', 'd', '--key-file', 'k', '--json'], { kind: 'init', keyFile: 'k', operatorKeyFile: null, json: true }],
  [
    ['operator', 'create', '--data', 'd', '--name', 'Ada', '--key-file', 'k'],
    { kind: 'operator-create', name: 'Ada', keyFile: 'k', operatorKeyFile: null },
  ],
  [['unseal', '--data', 'd'], { kind: 'unseal', keyFile: null }],
  [['audit', 'verify', '--data', 'd', '--key-file', 'k'], { kind: 'audit-verify', keyFile: 'k' }],
  [['seal', '--data', 'd'], { kind: 'seal' }],
  [['status', '--data', 'd', '--json'], { kind: 'status', json: true }],
  [[], { kind: 'help', topic: null, asked: false }],
  [['--help'], { kind: 'help', topic: null, asked: true }],
  [['serve', '--help'], { kind: 'help', topic: 'serve', asked: true }],
  [['help', 'audit', 'verify'], { kind: 'help', topic: 'audit verify', asked: true }],
  [['--version'], { kind: 'version' }],
])('%j', (words, expected) => {
  expect(readCommandLine(words)).toMatchObject(expected);
});

test.each([
  [['serve'], '--data'],
  [['unknown', '--data', 'd'], 'command'],
  [['audit', '--data', 'd'], 'command'],
  [['operator', 'create', '--data', 'd'], '--name'],
  [['operator', 'create', '--data', 'd', '--name', ''], '--name'],
  [['init', '--data', 'd', '--name', 'Ada'], '--name'],
  [['seal', '--data', 'd', '--listen', 'x'], '--listen'],
  [['serve', '--data', 'd', '--nonsense=canary'], '--nonsense'],
  [['levitate', '--help'], 'command'],
  [['help', 'levitate'], 'command'],
  [['serve', '--data', 'd', '--tls-cert', 'c'], '--tls-key'],
  [['serve', '--data', 'd', '--tls-key', 'k'], '--tls-cert'],
  [['serve', '--data', 'd', '--log-level', 'loud'], '--log-level'],
  [['serve', '--data', 'd', '--lockout-failures', '0'], '--lockout-failures'],
  [['serve', '--data', 'd', '--api-url', 'https://vault.example/base'], '--api-url'],
  [['serve', '--data', 'd', '--api-url', 'ftp://vault.example'], '--api-url'],
])('%j is refused because of %s', (words, word) => {
  expect(() => readCommandLine(words)).toThrow(expect.objectContaining({ code: 'vault-usage', details: { word } }));
});
