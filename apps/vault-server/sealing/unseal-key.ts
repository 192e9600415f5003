/**
 * The unseal key as people keep it: the root key in Crockford's base32 with a checksum, in groups, so that a slip of
 * the pen is told from the key of another vault. Letter case, spaces and hyphens do not matter; O and 0, I, L and 1 are one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const prefix = 'SKU1';
const rootKeyLength = 32;
const checksumLength = 3;
const characters = ((rootKeyLength + checksumLength) * 8) / 5;
const groupLength = 7;

function checksum(rootKey: Uint8Array): Buffer {
  return createHash('sha256').update('sikkerkey/unseal-key/1').update(rootKey).digest().subarray(0, checksumLength);
}

/** `SKU1-` and eight groups of seven characters. Printed once, by `init`. */
export function formatUnsealKey(rootKey: Uint8Array): SecretText {
  const bytes = Buffer.concat([rootKey, checksum(rootKey)]);
  const groups: string[] = [prefix];
  let group = '';
  for (let index = 0; index < characters; index += 1) {
    group += alphabet[fiveBits(bytes, index)];
    if (group.length === groupLength) {
      groups.push(group);
      group = '';
    }
  }
  bytes.fill(0);
  return new SecretText(groups.join('-'));
}

/** The root key; the caller zeroes it. Throws `unseal-key-malformed`. */
export function parseUnsealKey(text: SecretText): Uint8Array {
  const cleaned = text.reveal().toUpperCase().replace(/[\s-]/g, '');
  if (!cleaned.startsWith(prefix) || cleaned.length !== prefix.length + characters) throw new CatalogueError('unseal-key-malformed', {});
  const bytes = decode(cleaned.slice(prefix.length));
  const rootKey = bytes.subarray(0, rootKeyLength);
  if (!timingSafeEqual(checksum(rootKey), bytes.subarray(rootKeyLength))) {
    bytes.fill(0);
    throw new CatalogueError('unseal-key-malformed', {});
  }
  return rootKey;
}

function fiveBits(bytes: Uint8Array, index: number): number {
  const bit = index * 5;
  const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
  return (pair >> (11 - (bit & 7))) & 31;
}

function decode(text: string): Buffer {
  const bytes = Buffer.alloc(rootKeyLength + checksumLength);
  const plain = text.replace(/O/g, '0').replace(/[IL]/g, '1');
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const character of plain) {
    const value = alphabet.indexOf(character);
    if (value < 0) throw new CatalogueError('unseal-key-malformed', {});
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (held >> bits) & 0xff;
      at += 1;
    }
  }
  return bytes;
}
