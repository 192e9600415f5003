import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Random } from '../random.ts';
import { open, SealBroken, seal } from './aead.ts';
import { createProjectKey, openProjectKey, openValue, sealValue, type ValuePlace } from './envelope.ts';
import { deriveSubKey, subKeyLabels } from './sub-keys.ts';

/** Repeatable bytes; never the same twice. */
function countingRandom(): Random {
  let count = 0;
  return {
    bytes: (length) => Uint8Array.from({ length }, () => (count++ * 37) & 0xff),
    fraction: () => 0.5,
  };
}

const wrappingKey = createSecretKey(Buffer.alloc(32, 1));
const place: ValuePlace = { vaultId: 'vault_a', projectId: 'proj_a', secretId: 'sk_a', version: 3 };

function projectKey() {
  return openProjectKey(wrappingKey, createProjectKey(wrappingKey, countingRandom(), 'vault_a', 'proj_a'), 'vault_a', 'proj_a');
}

describe('sealing', () => {
  // NIST SP 800-38D, the GCM specification's test case 16 (AES-256, 60 bytes, 20 bytes of additional data).
  test('opens the published vector of AES-256-GCM', () => {
    const key = Buffer.from('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308', 'hex');
    const nonce = Buffer.from('cafebabefacedbaddecaf888', 'hex');
    const plain =
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
    const cipher =
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662';
    const additional = Buffer.from('feedfacedeadbeeffeedfacedeadbeefabaddad2', 'hex');
    const tag = Buffer.from('76fc6ece0f4e1768cddf8853bb2d551b', 'hex');

    const opened = open(key, Buffer.concat([nonce, Buffer.from(cipher, 'hex'), tag]), additional);
    const sealed = seal(key, { bytes: () => nonce, fraction: () => 0 }, Buffer.from(plain, 'hex'), additional);

    expect(opened.toString('hex')).toBe(plain);
    expect(Buffer.from(sealed).toString('hex')).toBe(nonce.toString('hex') + cipher + tag.toString('hex'));
  });

  test('gives back every value that was put in', () => {
    const key = projectKey();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (value) => {
        expect(Buffer.from(openValue(key, place, sealValue(key, countingRandom(), place, value))).equals(value)).toBe(true);
      }),
    );
  });

  test.each<[string, Partial<ValuePlace>]>([
    ['vault', { vaultId: 'vault_b' }],
    ['project', { projectId: 'proj_b' }],
    ['secret', { secretId: 'sk_b' }],
    ['version', { version: 4 }],
    ['use', { version: 'administrator' }],
  ])('a value does not open in the place of another %s', (_, other) => {
    const key = projectKey();
    const sealed = sealValue(key, countingRandom(), place, Buffer.from('value'));

    expect(() => openValue(key, { ...place, ...other }, sealed)).toThrow(SealBroken);
  });

  test('places whose parts run together are different places', () => {
    const key = projectKey();
    const sealed = sealValue(key, countingRandom(), { ...place, projectId: 'a', secretId: 'bc' }, Buffer.from('value'));

    expect(() => openValue(key, { ...place, projectId: 'ab', secretId: 'c' }, sealed)).toThrow(SealBroken);
  });

  test('a project key does not open in another vault or project', () => {
    const wrapped = createProjectKey(wrappingKey, countingRandom(), 'vault_a', 'proj_a');

    expect(() => openProjectKey(wrappingKey, wrapped, 'vault_b', 'proj_a')).toThrow(SealBroken);
    expect(() => openProjectKey(wrappingKey, wrapped, 'vault_a', 'proj_b')).toThrow(SealBroken);
  });

  test('a change of any byte, and any shorter form, does not open', () => {
    const key = projectKey();
    const sealed = sealValue(key, countingRandom(), place, Buffer.from('value'));
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Uint8Array.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;

      expect(() => openValue(key, place, changed)).toThrow(SealBroken);
      expect(() => openValue(key, place, sealed.subarray(0, index))).toThrow(SealBroken);
    }
  });

  test('every version has a data key of its own', () => {
    const key = projectKey();
    const random = countingRandom();
    const first = sealValue(key, random, place, Buffer.from('value'));
    const second = sealValue(key, random, { ...place, version: 4 }, Buffer.from('value'));
    const mixed = Buffer.concat([first.subarray(0, 61), second.subarray(61)]);

    expect(() => openValue(key, place, mixed)).toThrow(SealBroken);
  });
});

describe('sub-keys', () => {
  test('each use and each vault has its own key', () => {
    const uses = Object.keys(subKeyLabels) as (keyof typeof subKeyLabels)[];
    const exported = ['vault_a', 'vault_b'].flatMap((salt) =>
      uses.map((use) => deriveSubKey(Buffer.alloc(32, 9), salt, use).export().toString('hex')),
    );

    expect(new Set(exported).size).toBe(uses.length * 2);
    expect(exported.every((key) => key.length === 64)).toBe(true);
  });

  test('the same root key gives the same key again', () => {
    const derive = () => deriveSubKey(Buffer.alloc(32, 9), 'vault_a', 'audit').export().toString('hex');
    expect(derive()).toBe(derive());
  });
});
