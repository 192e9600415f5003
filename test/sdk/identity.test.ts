import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import type { Environment } from '@sikkerkey/host/environment.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { checkedBaseUrl } from '@sikkerkey/sdk/base-url.ts';
import { ConfigurationError, SikkerKey } from '@sikkerkey/sdk/index.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

let home = '';
let environment: Environment;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sk-identity-'));
  environment = {
    home,
    vault: undefined,
    identity: undefined,
    apiUrl: undefined,
    noColor: false,
    dumbTerminal: false,
    userHome: undefined,
    runtimeDirectory: undefined,
    continuousIntegration: false,
    failpoint: undefined,
  };
});

afterEach(() => rm(home, { recursive: true }));

async function enroll(vaultId: string, changes: Record<string, unknown> = {}): Promise<string> {
  const directory = join(home, 'vaults', vaultId);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'private.pem'), generateSigningKey(systemRandom).toPem().reveal(), { mode: 0o600 });
  const identity = {
    machineId: 'm_1',
    machineName: 'host',
    vaultId,
    apiUrl: 'http://localhost:7330',
    privateKeyPath: join(directory, 'private.pem'),
    ...changes,
  };
  const path = join(directory, 'identity.json');
  await writeFile(path, JSON.stringify(identity), { mode: 0o600 });
  return path;
}

test('finds an identity by path, by vault id with and without prefix, by the environment, and as the only one', async () => {
  const path = await enroll('vault_a');

  const found = [
    new SikkerKey(path, { environment }),
    new SikkerKey('vault_a', { environment }),
    new SikkerKey('a', { environment }),
    new SikkerKey(undefined, { environment }),
  ];
  await enroll('vault_b');
  found.push(new SikkerKey(undefined, { environment: { ...environment, identity: path } }));

  expect(found.map((sikkerkey) => sikkerkey.vaultId)).toEqual(Array.from({ length: 5 }, () => 'vault_a'));
  expect(found[0]).toMatchObject({ machineId: 'm_1', machineName: 'host', apiUrl: 'http://localhost:7330' });
  expect(SikkerKey.listVaults(environment)).toEqual(['vault_a', 'vault_b']);
});

test('says so when there is no vault, and which there are when one must be chosen', async () => {
  expect(() => new SikkerKey(undefined, { environment })).toThrow('enroll this machine first');
  await enroll('vault_a');
  await enroll('vault_b');

  expect(() => new SikkerKey(undefined, { environment })).toThrow('vault_a, vault_b');
});

test.each([
  { name: 'no machine id', changes: { machineId: '' }, says: 'has no machineId' },
  { name: 'no address', changes: { apiUrl: undefined }, says: 'has no apiUrl' },
  { name: 'a key that is not there', changes: { privateKeyPath: '/nowhere/private.pem' }, says: 'cannot be read' },
  { name: 'http to another host', changes: { apiUrl: 'http://vault.example' }, says: 'must use https' },
])('refuses an identity with $name', async ({ changes, says }) => {
  await enroll('vault_a', changes);

  const make = (): SikkerKey => new SikkerKey('vault_a', { environment });

  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(says);
});

test('refuses an identity file that is not JSON and a key that is not a key, without quoting either', async () => {
  const path = await enroll('vault_a');
  await writeFile(join(home, 'vaults/vault_a/private.pem'), '-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----\n');
  expect(() => new SikkerKey(path, { environment })).toThrow(/is not an unencrypted Ed25519 key(?!.*TOPSECRET)/);
  await writeFile(path, 'TOPSECRET');

  expect(() => new SikkerKey(path, { environment })).toThrow(/is not JSON$/);
});

test.each(['https://vault.example', 'https://vault.example/base/', 'http://localhost:7330', 'http://127.0.0.1:7330/', 'http://[::1]:7330'])(
  'speaks to %s',
  (url) => {
    expect(checkedBaseUrl(url)).toBe(url.replace(/\/$/, ''));
  },
);

test.each([
  'http://localhost.evil.example',
  'http://localhost@evil.example',
  'http://127.0.0.1.evil.example',
  'http://10.0.0.1',
  'ftp://localhost',
  'localhost:7330',
  'https://user:pass@vault.example',
  'https://vault.example/?x=1',
  '',
])('does not speak to %s', (url) => {
  expect(() => checkedBaseUrl(url)).toThrow(ConfigurationError);
});
