import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManagedConfiguration, NewVersion } from '../storage/records.ts';
import { NewKeyFiles, readKeyFile } from './key-file.ts';
import { Keyring } from './keyring.ts';
import { createRootKey } from './root-key.ts';
import { formatUnsealKey, parseUnsealKey } from './unseal-key.ts';

describe('the unseal key on paper', () => {
  test('is read back as the root key it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (rootKey) => {
        expect(Buffer.from(parseUnsealKey(formatUnsealKey(rootKey))).equals(rootKey)).toBe(true);
      }),
    );
  });

  test('has a form that people can copy', () => {
    expect(formatUnsealKey(Buffer.alloc(32, 0xa5)).reveal()).toMatch(/^SKU1(-[0-9A-HJKMNP-TV-Z]{7}){8}$/);
  });

  test('forgives letter case, spaces, missing hyphens and letters that look alike', () => {
    const rootKey = Buffer.alloc(32, 0);
    const text = formatUnsealKey(rootKey).reveal();
    const written = text.toLowerCase().replaceAll('-', ' ').replace('0', 'o').replace('sku1', 'SKU1 ');

    expect(Buffer.from(parseUnsealKey(new SecretText(written))).equals(rootKey)).toBe(true);
  });

  test('refuses a slip of the pen at any place', () => {
    const text = formatUnsealKey(Buffer.from(systemRandom.bytes(32))).reveal();
    for (let index = 5; index < text.length; index += 1) {
      if (text[index] === '-') continue;
      const slip = text.slice(0, index) + (text[index] === '7' ? '8' : '7') + text.slice(index + 1);
      expect(() => parseUnsealKey(new SecretText(slip))).toThrow(expect.objectContaining({ code: 'unseal-key-malformed' }));
    }
  });

  test.each(['', 'SKU1', 'SKU2-0000000', 'hello', 'SKU1-'.padEnd(68, 'U')])('refuses %j', (text) => {
    expect(() => parseUnsealKey(new SecretText(text))).toThrow(expect.objectContaining({ code: 'unseal-key-malformed' }));
  });
});

function unsealed(vaultId = 'vault_a') {
  const { rootKey, verifier } = createRootKey(systemRandom, vaultId);
  const keyring = new Keyring(vaultId, systemRandom);
  const kept = Buffer.from(rootKey);
  keyring.unseal(rootKey, verifier);
  return { keyring, rootKey, kept, verifier };
}

function newVersion(keyring: Keyring, secretId = 'sk_a', version = 1): NewVersion {
  return { projectId: 'proj_a', wrappedProjectKey: keyring.createProjectKey('proj_a'), secretId, version, managed: null };
}

describe('the keyring', () => {
  test('zeroes the root key that it is given, right or wrong', () => {
    const { rootKey, verifier } = unsealed();
    const wrong = Buffer.alloc(32, 1);
    const keyring = new Keyring('vault_a', systemRandom);

    expect(() => keyring.unseal(wrong, verifier)).toThrow(expect.objectContaining({ code: 'unseal-key-wrong' }));

    expect(keyring.sealed).toBe(true);
    expect(wrong.equals(Buffer.alloc(32))).toBe(true);
    expect(Buffer.from(rootKey).equals(Buffer.alloc(32))).toBe(true);
  });

  test('the key of a vault does not unseal another one with a verifier that was carried over', () => {
    const { kept, verifier } = unsealed('vault_a');

    expect(() => new Keyring('vault_b', systemRandom).unseal(kept, verifier)).toThrow(
      expect.objectContaining({ code: 'unseal-key-wrong' }),
    );
  });

  test('seals and opens values, also after sealing and unsealing', () => {
    const { keyring, kept, verifier } = unsealed();
    const version = newVersion(keyring);
    const sealed = keyring.sealValue(version, new SecretText('päss✓'));

    keyring.seal();
    keyring.unseal(kept, verifier);

    expect(keyring.openValue({ ...version, sealed }).reveal()).toBe('päss✓');
  });

  test('sealed, it does nothing at all', () => {
    const { keyring } = unsealed();
    const version = newVersion(keyring);
    const sealed = keyring.sealValue(version, new SecretText('value'));
    keyring.seal();

    for (const use of [
      () => keyring.sealValue(version, new SecretText('value')),
      () => keyring.openValue({ ...version, sealed }),
      () => keyring.createProjectKey('proj_b'),
      () => keyring.auditAuthenticator(),
      () => keyring.checkpointKey(),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: 'vault-sealed' }));
    }
  });

  test('a value moved to another secret or version is damaged, in words without the value', () => {
    const { keyring } = unsealed();
    const version = newVersion(keyring);
    const sealed = keyring.sealValue(version, new SecretText('canary-value'));
    let caught: unknown;
    try {
      keyring.openValue({ ...version, secretId: 'sk_b', sealed });
    } catch (error) {
      caught = error;
    }

    expect(caught).toMatchObject({ code: 'sealed-value-damaged', details: { part: 'value' } });
    expect(inspect(caught, { depth: 9 })).not.toContain('canary-value');
  });

  test('reseals an old version under a new number', () => {
    const { keyring } = unsealed();
    const version = newVersion(keyring);
    const old = { ...version, sealed: keyring.sealValue(version, new SecretText('old value')) };

    const resealed = keyring.resealValue(old, { ...version, version: 2 });

    expect(keyring.openValue({ ...version, version: 2, sealed: resealed }).reveal()).toBe('old value');
  });

  test('keeps the administrator apart from the versions', () => {
    const { keyring } = unsealed();
    const target = newVersion(keyring);
    const sealedAdminPassword = keyring.sealAdministrator(target, new SecretText('admin'));
    const configuration = { ...target, sealedAdminPassword } as unknown as ManagedConfiguration;

    expect(keyring.openAdministrator(configuration)?.reveal()).toBe('admin');
    expect(keyring.openAdministrator({ ...configuration, sealedAdminPassword: null })).toBeNull();
    expect(() => keyring.openValue({ ...target, sealed: sealedAdminPassword })).toThrow(
      expect.objectContaining({ code: 'sealed-value-damaged' }),
    );
  });

  test('prints nothing of its keys', () => {
    const { keyring, kept } = unsealed();
    expect(inspect(keyring, { depth: 9, showHidden: true })).not.toContain(kept.toString('hex').slice(0, 8));
  });
});

describe('the key file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'key-file-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  test('is private and holds the root key', async () => {
    const path = join(directory, 'unseal.key');
    const rootKey = systemRandom.bytes(32);

    await new NewKeyFiles().write(path, formatUnsealKey(rootKey));

    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(Buffer.from(await readKeyFile(path)).equals(rootKey)).toBe(true);
  });

  test('is refused when others may read it', async () => {
    const path = join(directory, 'unseal.key');
    await new NewKeyFiles().write(path, formatUnsealKey(systemRandom.bytes(32)));
    await chmod(path, 0o640);

    await expect(readKeyFile(path)).rejects.toMatchObject({ name: 'UnsafePath' });
  });
});
