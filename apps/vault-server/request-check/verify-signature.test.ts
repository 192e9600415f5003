import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPublicKey, SignatureVerifier } from './verify-signature.ts';

interface Vectors {
  readonly seedHex: string;
  readonly publicKeyBase64: string;
  readonly vectors: readonly {
    readonly name: string;
    readonly method: string;
    readonly path: string;
    readonly body: string;
    readonly timestamp: string;
    readonly nonce: string;
    readonly signature: string;
  }[];
}
const published = JSON.parse(readFileSync(new URL('../../../test/vectors/request-signing.json', import.meta.url), 'utf8')) as Vectors;

describe.each(published.vectors)('published vector: $name', (vector) => {
  const request = { ...vector, body: Buffer.from(vector.body, 'utf8'), signature: Buffer.from(vector.signature, 'base64') };

  test('is accepted', () => {
    expect(new SignatureVerifier(10).verify(request, published.publicKeyBase64)).toBe(true);
  });

  test.each([
    ['another method', { method: 'PUT' }],
    ['another path', { path: `${vector.path}x` }],
    ['another time', { timestamp: '1700000001' }],
    ['another nonce', { nonce: 'AAECAwQFBgcICQoLDA0OEA==' }],
    ['another body', { body: Buffer.from(`${vector.body} `, 'utf8') }],
  ])('is refused with %s', (_name, change) => {
    expect(new SignatureVerifier(10).verify({ ...request, ...change }, published.publicKeyBase64)).toBe(false);
  });

  test('is refused for an identity that nobody knows', () => {
    expect(new SignatureVerifier(10).verify(request, null)).toBe(false);
  });
});

test('accepts what core signs over any bytes, with more keys than are kept', () => {
  const verifier = new SignatureVerifier(2);
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, fc.uint8Array({ maxLength: 300 }), (seed, body) => {
      const key = signingKeyFromSeed(seed);
      const hash = createHash('sha256').update(body).digest('hex');
      const signature = Buffer.from(key.sign(Buffer.from(`POST:/v2/x:1:n:${hash}`, 'utf8')));

      const request = { method: 'POST', path: '/v2/x', timestamp: '1', nonce: 'n', signature, body };
      expect(verifier.verify(request, key.publicKeyBase64)).toBe(true);
      expect(verifier.verify(request, published.publicKeyBase64)).toBe(false);
    }),
    { numRuns: 20 },
  );
});

test.each([
  ['A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=', true],
  ['A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg', false],
  ['A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=', false],
  ['A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbh=', false],
  ['AAAA', false],
  ['', false],
])('public key %j: %s', (text, expected) => {
  expect(isPublicKey(text)).toBe(expected);
});
