import { createHash, createHmac } from 'node:crypto';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { expect, it } from 'vitest';
import { saslPrepare } from './saslprep.ts';
import { deriveScramKeys, makeVerifier, verifierAccepts } from './scram.ts';

const random = { bytes: (length: number): Uint8Array => new Uint8Array(length).fill(7), fraction: (): number => 0.5 };

it('derives the server signature of RFC 7677 §3', async () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;

  const { serverKey } = await deriveScramKeys('pencil', salt, 4096);

  expect(createHmac('sha256', serverKey).update(authMessage).digest('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

it('accepts the password that a verifier was made from and no other', async () => {
  const verifier = await makeVerifier(new SecretText('right'), random);

  expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
  expect(await verifierAccepts(verifier, 'any', new SecretText('right'))).toBe(true);
  expect(await verifierAccepts(verifier, 'any', new SecretText('wrong'))).toBe(false);
});

it('compares the old md5 form, which is bound to the user name', async () => {
  const verifier = `md5${createHash('md5').update('penciluser').digest('hex')}`;

  expect(await verifierAccepts(verifier, 'user', new SecretText('pencil'))).toBe(true);
  expect(await verifierAccepts(verifier, 'another', new SecretText('pencil'))).toBe(false);
  expect(await verifierAccepts(verifier, 'user', new SecretText('pen'))).toBe(false);
});

it.each(['', 'md5short', 'SCRAM-SHA-256$0', 'SCRAM-SHA-256$4096:$$:', 'plain'])(
  'accepts nothing for the unknown form %j',
  async (verifier) => {
    expect(await verifierAccepts(verifier, 'user', new SecretText('plain'))).toBe(false);
  },
);

it.each([
  { name: 'a soft hyphen vanishes', password: 'I\u00adX', prepared: 'IX' },
  { name: 'case stays', password: 'USER', prepared: 'USER' },
  { name: 'a feminine ordinal becomes a letter', password: '\u00aa', prepared: 'a' },
  { name: 'a roman numeral becomes letters', password: '\u2168', prepared: 'IX' },
  { name: 'a control character leaves all as it is', password: '\u00ad\u0007', prepared: '\u00ad\u0007' },
  { name: 'mixed directions leave all as it is', password: '\u0627\u00ad1', prepared: '\u0627\u00ad1' },
])('prepares as the examples of RFC 4013 §3, except that nothing is refused: $name', ({ password, prepared }) => {
  expect(saslPrepare(password)).toBe(prepared);
});
