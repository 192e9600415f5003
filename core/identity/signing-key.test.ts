import { createHash, createPublicKey, verify as verifyNatively } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { hashes, sign as signWithNoble } from '@noble/ed25519';
import { signedPayload } from '@sikkerkey/protocol/signing.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretText } from '../secret-text.ts';
import { fingerprint } from './fingerprint.ts';
import { generateSigningKey, parsePrivateKeyPem, signingKeyFromSeed } from './signing-key.ts';

interface Vectors {
  readonly seedHex: string;
  readonly pkcs8Base64: string;
  readonly publicKeyBase64: string;
  readonly vectors: readonly {
    readonly name: string;
    readonly method: string;
    readonly path: string;
    readonly timestamp: string;
    readonly nonce: string;
    readonly bodySha256: string;
    readonly payload: string;
    readonly signature: string;
  }[];
}

const published = JSON.parse(readFileSync(new URL('../../test/vectors/request-signing.json', import.meta.url), 'utf8')) as Vectors;

function publishedKey(): ReturnType<typeof signingKeyFromSeed> {
  return signingKeyFromSeed(new Uint8Array(Buffer.from(published.seedHex, 'hex')));
}

function pemOf(base64: string): SecretText {
  return new SecretText(`-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`);
}

describe('a signing key', () => {
  it.each(published.vectors)('signs the published request "$name" byte for byte', (vector) => {
    const payload = signedPayload(vector);

    expect(payload).toBe(vector.payload);
    expect(Buffer.from(publishedKey().sign(Buffer.from(payload))).toString('base64')).toBe(vector.signature);
  });

  it('has the published public key and writes the published PEM', () => {
    expect(publishedKey().publicKeyBase64).toBe(published.publicKeyBase64);
    expect(publishedKey().toPem().reveal()).toBe(pemOf(published.pkcs8Base64).reveal());
  });

  it('signs exactly as noble does, whatever the seed and the message', () => {
    hashes.sha512 = (message) => new Uint8Array(createHash('sha512').update(message).digest());
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 200 }), (seed, message) => {
        expect(Buffer.from(signingKeyFromSeed(seed).sign(message))).toEqual(Buffer.from(signWithNoble(message, seed)));
      }),
      { numRuns: 25 },
    );
  });

  it('makes signatures that the platform verifies with the public key that noble derived', () => {
    const key = generateSigningKey({ bytes: (length) => new Uint8Array(length).fill(7), fraction: () => 0 });
    const x = Buffer.from(key.publicKeyBase64, 'base64').toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });

    expect(verifyNatively(null, Buffer.from('hello'), publicKey, key.sign(Buffer.from('hello')))).toBe(true);
    expect(verifyNatively(null, Buffer.from('hallo'), publicKey, key.sign(Buffer.from('hello')))).toBe(false);
  });

  it('does not print its secret half', () => {
    const shown = `${inspect(publishedKey(), { depth: 9 })} ${JSON.stringify(publishedKey().seed())} ${publishedKey().toPem()}`;

    expect(shown).not.toContain(published.pkcs8Base64);
    expect(shown).not.toContain('000102');
  });

  it('refuses a seed of another length', () => {
    expect(() => signingKeyFromSeed(new Uint8Array(31))).toThrow(RangeError);
  });
});

describe('reading private.pem', () => {
  it('gives back the key that was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const key = signingKeyFromSeed(seed);
        expect(Buffer.from(parsePrivateKeyPem(key.toPem()).seed().reveal())).toEqual(Buffer.from(seed));
      }),
      { numRuns: 25 },
    );
  });

  it('accepts the line endings of other systems', () => {
    const pem = new SecretText(pemOf(published.pkcs8Base64).reveal().replaceAll('\n', '\r\n'));

    expect(parsePrivateKeyPem(pem).publicKeyBase64).toBe(published.publicKeyBase64);
  });

  const body = published.pkcs8Base64;
  it.each([
    { name: 'an empty file', pem: new SecretText('') },
    { name: 'a public key', pem: new SecretText(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`) },
    { name: 'two blocks', pem: new SecretText(pemOf(body).reveal().repeat(2)) },
    { name: 'a body cut short', pem: pemOf(body.slice(0, 60)) },
    {
      name: 'version 2 with the public key attached',
      pem: pemOf(Buffer.concat([Buffer.from(body, 'base64'), Buffer.alloc(35)]).toString('base64')),
    },
    { name: 'another algorithm', pem: pemOf(Buffer.from(body, 'base64').fill(0x6f, 11, 12).toString('base64')) },
    { name: 'bits behind the last byte', pem: pemOf(`${body.slice(0, -1)}f=`) },
  ])('refuses $name without repeating it', ({ pem }) => {
    let thrown: unknown;
    try {
      parsePrivateKeyPem(pem);
    } catch (error) {
      thrown = error;
    }

    expect(thrown).toMatchObject({ code: 'private-key-invalid' });
    expect(inspect(thrown)).not.toContain(body.slice(0, 20));
  });
});

describe('a fingerprint', () => {
  it('is twelve characters in fours without letters that are mistaken for others', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(fingerprint(Buffer.from(key).toString('base64'))).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}$/);
      }),
    );
  });

  it('is the first 60 bits of the SHA-256 of the key', () => {
    const digest = createHash('sha256').update(Buffer.from(published.publicKeyBase64, 'base64')).digest();
    const bits = [...digest.subarray(0, 8)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    const expected = Array.from({ length: 12 }, (_, index) => alphabet[Number.parseInt(bits.slice(index * 5, index * 5 + 5), 2)]).join('');

    expect(fingerprint(published.publicKeyBase64).replaceAll('-', '')).toBe(expected);
  });

  it('refuses what is no public key', () => {
    expect(() => fingerprint('AAAA')).toThrow(RangeError);
  });
});
