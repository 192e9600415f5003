/**
 * `private.pem`: one unencrypted PKCS#8 version 1 block of exactly 48 bytes. Version 2 with the public key attached is
 * neither written nor read, since one published client takes the last 32 bytes for the seed. Source: wire-runtime §3.2.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { SecretBytes } from '../secret-bytes.ts';
import { SecretText } from '../secret-text.ts';

export const seedLength = 32;
const derPrefixHex = '302e020100300506032b657004220420';
const derLength = 48;
const pemForm = /^\s*-----BEGIN PRIVATE KEY-----\r?\n([A-Za-z0-9+/=\r\n \t]+)-----END PRIVATE KEY-----\s*$/;

/** The fixed prefix and the seed. */
export function privateKeyDer(seed: SecretBytes): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(derPrefixHex, 'hex'), seed.reveal()]));
}

export function privateKeyPem(seed: SecretBytes): SecretText {
  const body = Buffer.from(privateKeyDer(seed)).toString('base64');
  return new SecretText(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
}

/** Throws CatalogueError `private-key-invalid`; never says what the text held. */
export function readPrivateKeyPem(pem: SecretText): SecretBytes {
  const body = pemForm.exec(pem.reveal())?.[1]?.replaceAll(/\s/g, '');
  if (body === undefined) throw new CatalogueError('private-key-invalid', {});
  const der = Buffer.from(body, 'base64');
  const isCanonical = der.toString('base64') === body;
  const hasPrefix = der.subarray(0, derLength - seedLength).toString('hex') === derPrefixHex;
  if (!isCanonical || !hasPrefix || der.length !== derLength) throw new CatalogueError('private-key-invalid', {});
  return new SecretBytes(der.subarray(derLength - seedLength));
}
