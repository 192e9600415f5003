import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { emptyBodySha256 } from '@sikkerkey/protocol/signing.ts';
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
const publishedKey = Buffer.from(published.publicKeyBase64, 'base64');
const verifier = new SignatureVerifier();

describe.each(published.vectors)('published vector: $name', (vector) => {
  const request = { ...vector, body: Buffer.from(vector.body, 'utf8'), signature: Buffer.from(vector.signature, 'base64') };

  test('is accepted', () => {
    expect(verifier.verify(request, publishedKey)).toBe(true);
  });

  test.each([
    ['another method', { method: 'PUT' }],
    ['another path', { path: `${vector.path}x` }],
    ['another time', { timestamp: '1700000001' }],
    ['another nonce', { nonce: 'AAECAwQFBgcICQoLDA0OEA==' }],
    ['another body', { body: Buffer.from(`${vector.body} `, 'utf8') }],
  ])('is refused with %s', (_name, change) => {
    expect(verifier.verify({ ...request, ...change }, publishedKey)).toBe(false);
  });

  test('is refused for an identity that nobody knows', () => {
    expect(verifier.verify(request, null)).toBe(false);
  });
});

test('accepts what core signs over any bytes, and nobody else’s', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, fc.uint8Array({ maxLength: 300 }), (seed, body) => {
      const key = signingKeyFromSeed(seed);
      const hash = createHash('sha256').update(body).digest('hex');
      const signature = Buffer.from(key.sign(Buffer.from(`POST:/v2/x:1:n:${hash}`, 'utf8')));

      const request = { method: 'POST', path: '/v2/x', timestamp: '1', nonce: 'n', signature, body };
      expect(verifier.verify(request, Buffer.from(key.publicKeyBase64, 'base64'))).toBe(true);
      expect(verifier.verify(request, publishedKey)).toBe(false);
    }),
    { numRuns: 20 },
  );
});

/** The order of the base point, little-endian (RFC 8032 §5.1). */
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
const fromLittleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
/** A point of order 1, and of order 2 (y = 1, y = -1). */
const identityPoint = littleEndian(1n);
const orderTwo = littleEndian(2n ** 255n - 20n);
const plain = { method: 'GET', path: '/v1/secrets', timestamp: '1', nonce: 'n', body: new Uint8Array() };

test.each([
  ['order 1', identityPoint],
  ['order 1, in a form that is not canonical', littleEndian(2n ** 255n - 18n)],
  ['order 2', orderTwo],
])('a public key of %s proves nothing', (_name, publicKey) => {
  for (const point of [identityPoint, orderTwo]) {
    const signature = Buffer.concat([point, Buffer.alloc(32)]);
    for (const nonce of ['a', 'b', 'c', 'd']) expect(verifier.verify({ ...plain, nonce, signature }, publicKey)).toBe(false);
  }
});

test('a signature has one form: the same number plus the order of the group is refused', () => {
  const key = signingKeyFromSeed(new Uint8Array(32).fill(7));
  const publicKey = Buffer.from(key.publicKeyBase64, 'base64');
  const signature = Buffer.from(key.sign(Buffer.from(`GET:/v1/secrets:1:n:${emptyBodySha256}`, 'utf8')));
  expect(verifier.verify({ ...plain, signature }, publicKey)).toBe(true);

  const other = littleEndian(fromLittleEndian(signature.subarray(32)) + groupOrder);
  expect(verifier.verify({ ...plain, signature: Buffer.concat([signature.subarray(0, 32), other]) }, publicKey)).toBe(false);
});

test('agrees with OpenSSL, on what was signed and on any bit of it turned over', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(32), fc.integer({ min: -1, max: 511 }), (seed, bit) => {
      const key = signingKeyFromSeed(seed);
      const message = Buffer.from(`GET:/v1/secrets:1:n:${emptyBodySha256}`, 'utf8');
      const signature = Buffer.from(key.sign(message));
      if (bit >= 0) signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const publicKey = Buffer.from(key.publicKeyBase64, 'base64');

      const opensslKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') }, format: 'jwk' });
      const expected = bit < 0;
      expect(verifier.verify({ ...plain, signature }, publicKey)).toBe(expected);
      expect(verify(null, message, opensslKey, signature)).toBe(expected);
    }),
    { numRuns: 40 },
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
