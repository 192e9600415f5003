import { expect, test } from 'vitest';
import { findCanaries } from './sinks.ts';

const canary = { kind: 'a password', value: 'canary-5f3e-value-91ab' };
const found = (text: string | Buffer): boolean => findCanaries([canary], [{ name: 'a log', bytes: Buffer.from(text) }]).length > 0;

test.each([
  ['as it is', `before ${canary.value} after`],
  ['in hex', Buffer.from(canary.value).toString('hex')],
  ['in base64', `"${Buffer.from(canary.value).toString('base64')}"`],
  ['in base64 of a longer text', Buffer.from(`a${canary.value}bcd`).toString('base64')],
  ['in base64 of another longer text', Buffer.from(`ab${canary.value}bcd`).toString('base64')],
  ['in UTF-16', Buffer.from(canary.value, 'utf16le')],
])('finds a value %s', (_name, text) => {
  expect(found(text)).toBe(true);
});

test('finds nothing where the value is not', () => {
  expect(found('canary-5f3e-value-91ac')).toBe(false);
});
