/**
 * Which machine this process speaks as: found and read once, when the client is made, in the order of the published SDKs
 * (wire-runtime §7): a path, a vault id, SIKKERKEY_IDENTITY, the only vault on disk.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parsePrivateKeyPem, type SigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { Environment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import { checkedBaseUrl } from './base-url.ts';
import { ConfigurationError } from './errors.ts';

export interface MachineIdentity {
  readonly machineId: string;
  readonly machineName: string;
  readonly vaultId: string;
  readonly apiUrl: string;
  readonly key: SigningKey;
}

/** Throws ConfigurationError when there is none, when it is unusable, or when several vaults leave the choice open. */
export function resolveIdentity(vaultOrPath: string | undefined, environment: Environment): MachineIdentity {
  return readIdentity(identityPath(vaultOrPath, environment));
}

/** Ids of the vaults that this user is enrolled in. */
export function vaultsOnDisk(environment: Environment): string[] {
  const home = homeOf(environment);
  try {
    return readdirSync(home.vaults, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isReadable(home.identityFile(entry.name)))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw new ConfigurationError('the directory of vaults cannot be read', { cause: error });
  }
}

function identityPath(vaultOrPath: string | undefined, environment: Environment): string {
  const home = homeOf(environment);
  if (vaultOrPath !== undefined && vaultOrPath !== '') {
    if (vaultOrPath.startsWith('/') || vaultOrPath.includes('identity.json')) return vaultOrPath;
    const vaultId = vaultOrPath.startsWith('vault_') ? vaultOrPath : `vault_${vaultOrPath}`;
    if (!isIdentifier(vaultId)) throw new ConfigurationError('the vault id has characters that no vault id has');
    return home.identityFile(vaultId);
  }
  if (environment.identity !== undefined) return environment.identity;
  const vaults = vaultsOnDisk(environment);
  const [only, ...others] = vaults;
  if (only === undefined) throw new ConfigurationError(`no vault identity below ${home.vaults}: enroll this machine first`);
  if (others.length > 0) throw new ConfigurationError(`several vaults on disk, name one: ${vaults.join(', ')}`);
  return home.identityFile(only);
}

function readIdentity(path: string): MachineIdentity {
  const file = identityFile(path);
  const text = (name: string): string => {
    const value = file[name];
    if (typeof value !== 'string' || value.trim() === '') throw new ConfigurationError(`identity file ${path} has no ${name}`);
    return value.trim();
  };
  const vaultId = typeof file['vaultId'] === 'string' ? file['vaultId'].trim() : '';
  const machineName = typeof file['machineName'] === 'string' ? file['machineName'].trim() : '';
  return {
    machineId: text('machineId'),
    machineName,
    vaultId,
    apiUrl: checkedBaseUrl(text('apiUrl')),
    key: readKey(resolve(dirname(path), text('privateKeyPath'))),
  };
}

function identityFile(path: string): Record<string, unknown> {
  const content = readText(path, 'identity file');
  try {
    const parsed: unknown = JSON.parse(content);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch (error) {
    throw new ConfigurationError(`identity file ${path} is not JSON`, { cause: error });
  }
  throw new ConfigurationError(`identity file ${path} is not a JSON object`);
}

function readKey(path: string): SigningKey {
  const pem = new SecretText(readText(path, 'private key'));
  try {
    return parsePrivateKeyPem(pem);
  } catch (cause) {
    throw new ConfigurationError(`private key ${path} is not an unencrypted Ed25519 key in PKCS#8 PEM`, { cause });
  }
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${what} ${path} cannot be read`, { cause: error });
  }
}

function isReadable(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    // A directory without a readable identity is not a vault of this user.
    return false;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
