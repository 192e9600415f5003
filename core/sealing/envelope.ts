/**
 * Envelope encryption (DESIGN §4): a key derived from the root key wraps project keys, a project key wraps one data key
 * per secret version, the data key seals the value. Pure: keys come in as key objects, bytes go out.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Random } from '../random.ts';
import { keyLength, nonceLength, open, SealBroken, seal, tagLength } from './aead.ts';

/** The place that a sealed value belongs to; all four are bound into the seal. */
export interface ValuePlace {
  readonly vaultId: string;
  readonly projectId: string;
  readonly secretId: string;
  /** The version, or the name of what is kept with the secret beside its versions. */
  readonly version: number | 'administrator';
}

const format = 1;
const wrappedKeyLength = nonceLength + keyLength + tagLength;

/** A JSON array of strings is unambiguous: no two places give the same bytes. */
function additionalData(parts: readonly (string | number)[]): Buffer {
  return Buffer.from(JSON.stringify(parts), 'utf8');
}

/** A new random project key, wrapped; bound to vault and project. */
export function createProjectKey(wrappingKey: KeyObject, random: Random, vaultId: string, projectId: string): Uint8Array {
  const key = random.bytes(keyLength);
  try {
    return seal(wrappingKey, random, key, additionalData(['project-key', vaultId, projectId]));
  } finally {
    key.fill(0);
  }
}

/** Throws SealBroken. */
export function openProjectKey(wrappingKey: KeyObject, wrapped: Uint8Array, vaultId: string, projectId: string): KeyObject {
  const key = open(wrappingKey, wrapped, additionalData(['project-key', vaultId, projectId]));
  try {
    return createSecretKey(key);
  } finally {
    key.fill(0);
  }
}

/** Form: format (1) ‖ wrapped data key (60) ‖ sealed value. The data key is new for each call. */
export function sealValue(projectKey: KeyObject, random: Random, place: ValuePlace, plain: Uint8Array): Uint8Array {
  const bound = placeBytes(place);
  const dataKey = random.bytes(keyLength);
  try {
    return Buffer.concat([Uint8Array.of(format), seal(projectKey, random, dataKey, bound), seal(dataKey, random, plain, bound)]);
  } finally {
    dataKey.fill(0);
  }
}

/** Throws SealBroken. The caller zeroes what it gets once it is used. */
export function openValue(projectKey: KeyObject, place: ValuePlace, sealed: Uint8Array): Buffer {
  return openWithDataKey(openDataKey(projectKey, place, sealed), place, sealed);
}

/** The key of this one version, for who opens it again and again. Throws SealBroken. */
export function openDataKey(projectKey: KeyObject, place: ValuePlace, sealed: Uint8Array): KeyObject {
  if (sealed[0] !== format) throw new SealBroken();
  const dataKey = open(projectKey, sealed.subarray(1, 1 + wrappedKeyLength), placeBytes(place));
  try {
    return createSecretKey(dataKey);
  } finally {
    dataKey.fill(0);
  }
}

/** Throws SealBroken. The caller zeroes what it gets once it is used. */
export function openWithDataKey(dataKey: KeyObject, place: ValuePlace, sealed: Uint8Array): Buffer {
  if (sealed[0] !== format) throw new SealBroken();
  return open(dataKey, sealed.subarray(1 + wrappedKeyLength), placeBytes(place));
}

function placeBytes(place: ValuePlace): Buffer {
  return additionalData(['value', place.vaultId, place.projectId, place.secretId, place.version]);
}
