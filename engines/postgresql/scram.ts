/**
 * SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in PostgreSQL's form, made and compared on our side, so that a password
 * is never part of a statement.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '@sikkerkey/core/random.ts';
import type { SecretText } from '@sikkerkey/core/secret-text.ts';
import { saslPrepare } from './saslprep.ts';

/** What PostgreSQL itself uses (scram_iterations). */
const iterations = 4096;
const saltBytes = 16;

export interface ScramKeys {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** RFC 5802 §3. */
export async function deriveScramKeys(password: string, salt: Uint8Array, count: number): Promise<ScramKeys> {
  const salted = await promisify(pbkdf2)(saslPrepare(password), salt, count, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return {
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', salted).update('Server Key').digest(),
  };
}

/** A new verifier with a random salt: `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`. */
export async function makeVerifier(password: SecretText, random: Random): Promise<string> {
  const salt = Buffer.from(random.bytes(saltBytes));
  const { storedKey, serverKey } = await deriveScramKeys(password.reveal(), salt, iterations);
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
}

/** True when a login with this password would be accepted against the stored verifier (SCRAM, or the old md5 form). */
export async function verifierAccepts(verifier: string, username: string, password: SecretText): Promise<boolean> {
  const scram = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(verifier);
  if (scram !== null) {
    const [, count = '', salt = '', stored = ''] = scram;
    const { storedKey } = await deriveScramKeys(password.reveal(), Buffer.from(salt, 'base64'), Number(count));
    return equal(storedKey, Buffer.from(stored, 'base64'));
  }
  if (!/^md5[0-9a-f]{32}$/.test(verifier)) return false;
  const digest = createHash('md5').update(password.reveal()).update(username).digest('hex');
  return equal(Buffer.from(`md5${digest}`), Buffer.from(verifier));
}

function equal(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
