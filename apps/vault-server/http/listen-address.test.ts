import { expect, test } from 'vitest';
import { defaultApiUrl, parseListenAddress } from './listen-address.ts';

test.each([
  ['localhost:7330', { host: 'localhost', port: 7330, bind: ['127.0.0.1', '::1'], loopback: true }],
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0, bind: ['127.0.0.1'], loopback: true }],
  ['[::1]:80', { host: '::1', port: 80, bind: ['::1'], loopback: true }],
  ['0.0.0.0:7330', { host: '0.0.0.0', port: 7330, bind: ['0.0.0.0'], loopback: false }],
  ['[::]:7330', { host: '::', port: 7330, bind: ['::'], loopback: false }],
  ['vault.example:443', { host: 'vault.example', port: 443, bind: ['vault.example'], loopback: false }],
  ['127.evil.example:443', { host: '127.evil.example', port: 443, bind: ['127.evil.example'], loopback: false }],
])('%s', (text, expected) => {
  expect(parseListenAddress(text)).toEqual(expected);
});

test.each(['', 'localhost', ':7330', 'localhost:', 'localhost:65536', 'localhost:x', '::1:80', 'a b:1', '[x]:1'])('refuses %j', (text) => {
  expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'listen-address-invalid' }));
});

test('a vault on this host calls itself localhost, which published clients accept without TLS', () => {
  expect(defaultApiUrl(parseListenAddress('127.0.0.1:0'), 7331, false)).toBe('http://localhost:7331');
  expect(defaultApiUrl(parseListenAddress('[::1]:0'), 7331, true)).toBe('https://[::1]:7331');
  expect(defaultApiUrl(parseListenAddress('vault.example:443'), 443, true)).toBe('https://vault.example:443');
});
