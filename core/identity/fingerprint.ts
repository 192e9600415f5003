/**
 * The short name of a public key that two people can compare aloud: 60 bits of its SHA-256, in fours, in Crockford's
 * base32, which has no I, L, O and U to be misheard or misread.
 */
import { createHash } from 'node:crypto';

const base32Alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const characters = 12;
const groupLength = 4;

/** `K7QD-93MX-F2PA`-like text for a public key as it travels (standard base64 of 32 bytes). Throws RangeError otherwise. */
export function fingerprint(publicKeyBase64: string): string {
  const key = Buffer.from(publicKeyBase64, 'base64');
  if (key.length !== 32) throw new RangeError('a public key has 32 bytes');
  const digest = createHash('sha256').update(key).digest();
  const text = Array.from({ length: characters }, (_, index) => base32Alphabet.charAt(fiveBits(digest, index * 5))).join('');
  return Array.from({ length: characters / groupLength }, (_, group) => text.slice(group * groupLength, (group + 1) * groupLength)).join(
    '-',
  );
}

function fiveBits(bytes: Uint8Array, bitOffset: number): number {
  const byteOffset = bitOffset >> 3;
  const pair = ((bytes[byteOffset] ?? 0) << 8) | (bytes[byteOffset + 1] ?? 0);
  return (pair >> (11 - (bitOffset & 7))) & 31;
}
