import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSignedHeaders } from './signed-headers.ts';

const proper = {
  'x-machine-id': '550e8400-e29b-41d4-a716-446655440000',
  'x-timestamp': '1700000000',
  'x-nonce': 'AAECAwQFBgcICQoLDA0ODw==',
  'x-signature': 'gyJPHx/HA1RIGaTikCPzD/y1HS0Sjlr95rL9Qczm+RlqlqMOMnjEL9hkJgMw4pPnglkbiif11YTfvT5sz1yOCA==',
};

test('reads the headers of a published client', () => {
  const reading = readSignedHeaders(proper, 'x-machine-id');

  expect(reading).toMatchObject({ kind: 'read', headers: { timestampSeconds: 1_700_000_000, nonce: proper['x-nonce'] } });
});

test('reads the hexadecimal nonce of agents', () => {
  const reading = readSignedHeaders({ ...proper, 'x-nonce': '000102030405060708090a0b0c0d0e0f' }, 'x-machine-id');

  expect(reading.kind).toBe('read');
});

test.each(['x-machine-id', 'x-timestamp', 'x-nonce', 'x-signature'] as const)('a request without %s does not authenticate', (name) => {
  const { [name]: _left, ...others } = proper;

  expect(readSignedHeaders(others, 'x-machine-id')).toEqual({ kind: 'absent' });
});

test.each([
  ['x-machine-id', 'a'.repeat(129)],
  ['x-machine-id', '../machine'],
  ['x-machine-id', 'one, two'],
  ['x-timestamp', '1700000000.5'],
  ['x-timestamp', '-1'],
  ['x-timestamp', '1e9'],
  ['x-timestamp', ''],
  ['x-nonce', ''],
  ['x-nonce', 'n'.repeat(129)],
  ['x-nonce', 'with:colon'],
  ['x-nonce', 'one, two'],
  ['x-signature', 'AAAA'],
  ['x-signature', `${'A'.repeat(85)}B==`],
  ['x-signature', `${'_'.repeat(86)}==`],
])('refuses %s of the form %j by name', (header, value) => {
  expect(readSignedHeaders({ ...proper, [header]: value }, 'x-machine-id')).toEqual({ kind: 'malformed', header });
});

test('any header text is either read whole or refused, and never throws', () => {
  const text = fc.string({ maxLength: 200 });
  fc.assert(
    fc.property(text, text, text, text, (id, timestamp, nonce, signature) => {
      const headers = { 'x-machine-id': id, 'x-timestamp': timestamp, 'x-nonce': nonce, 'x-signature': signature };
      const reading = readSignedHeaders(headers, 'x-machine-id');
      if (reading.kind !== 'read') return;
      expect(reading.headers.signature).toHaveLength(64);
      expect(reading.headers.nonce).not.toContain(':');
      expect(Number.isSafeInteger(reading.headers.timestampSeconds)).toBe(true);
    }),
  );
});
