/**
 * The keys of an unsealed vault, in memory only: sub-keys of the root key, the project keys met so far, and the data keys
 * of versions opened lately, as key objects. Sealing drops them all; every use then throws the catalogue's `vault-sealed`.
 */
import type { KeyObject } from 'node:crypto';
import type { Random } from '@sikkerkey/core/random.ts';
import { SealBroken } from '@sikkerkey/core/sealing/aead.ts';
import {
  createProjectKey,
  openDataKey,
  openProjectKey,
  openWithDataKey,
  sealValue,
  type ValuePlace,
} from '@sikkerkey/core/sealing/envelope.ts';
import { deriveSubKey } from '@sikkerkey/core/sealing/sub-keys.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { createAuditAuthenticator } from '../audit/chain.ts';
import type { AuditAuthenticator } from '../storage/audit-records.ts';
import type { ManagedConfiguration, NewVersion, SealedVersion } from '../storage/records.ts';
import { isRootKeyOf } from './root-key.ts';

interface UnsealedKeys {
  readonly projectWrapping: KeyObject;
  readonly audit: KeyObject;
  readonly checkpoints: KeyObject;
  readonly projects: Map<string, KeyObject>;
  /** Of versions opened lately; a version never gets another key. */
  readonly versions: Map<string, KeyObject>;
}

/** Data keys kept open, some hundred bytes each: they save a read one of its two decryptions. */
const mostDataKeys = 4096;

type ProjectPlace = Pick<NewVersion, 'projectId' | 'wrappedProjectKey' | 'secretId'>;

export class Keyring {
  readonly #vaultId: string;
  readonly #random: Random;
  #keys: UnsealedKeys | null = null;

  constructor(vaultId: string, random: Random) {
    this.#vaultId = vaultId;
    this.#random = random;
  }

  get sealed(): boolean {
    return this.#keys === null;
  }

  /** Takes the root key and zeroes it, whatever comes of it. Throws `unseal-key-wrong`; then the state is as before. */
  unseal(rootKey: Uint8Array, verifier: Uint8Array): void {
    try {
      if (!isRootKeyOf(rootKey, this.#vaultId, verifier)) throw new CatalogueError('unseal-key-wrong', {});
      this.#keys = {
        projectWrapping: deriveSubKey(rootKey, this.#vaultId, 'projectKeys'),
        audit: deriveSubKey(rootKey, this.#vaultId, 'audit'),
        checkpoints: deriveSubKey(rootKey, this.#vaultId, 'checkpoints'),
        projects: new Map(),
        versions: new Map(),
      };
    } finally {
      rootKey.fill(0);
    }
  }

  /** Forgets every key. The store's audit key is taken away by the caller (`storage.useAuditKey(null)`). */
  seal(): void {
    this.#keys = null;
  }

  auditAuthenticator(): AuditAuthenticator {
    return createAuditAuthenticator(this.#unsealed().audit);
  }

  auditKey(): KeyObject {
    return this.#unsealed().audit;
  }

  checkpointKey(): KeyObject {
    return this.#unsealed().checkpoints;
  }

  /** For `Storage.createProject`. */
  readonly createProjectKey = (projectId: string): Uint8Array =>
    createProjectKey(this.#unsealed().projectWrapping, this.#random, this.#vaultId, projectId);

  sealValue(version: NewVersion, value: SecretText): Uint8Array {
    return this.#seal(version, version.version, value);
  }

  /** Throws `sealed-value-damaged` where the bytes do not belong to this vault, project, secret and version. */
  openValue(version: SealedVersion): SecretText {
    return this.#open(version, version.version, version.sealed, 'value');
  }

  /** For `Storage.rollbackSecret`. */
  readonly resealValue = (old: SealedVersion, version: NewVersion): Uint8Array => this.sealValue(version, this.openValue(old));

  sealAdministrator(target: ProjectPlace, password: SecretText): Uint8Array {
    return this.#seal(target, 'administrator', password);
  }

  /** Null where the vault keeps none. Throws `sealed-value-damaged`. */
  openAdministrator(configuration: ManagedConfiguration): SecretText | null {
    const sealed = configuration.sealedAdminPassword;
    return sealed === null ? null : this.#open(configuration, 'administrator', sealed, 'administrator password');
  }

  #seal(target: ProjectPlace, version: ValuePlace['version'], value: SecretText): Uint8Array {
    const plain = Buffer.from(value.reveal(), 'utf8');
    try {
      return sealValue(this.#projectKey(target), this.#random, this.#place(target, version), plain);
    } finally {
      plain.fill(0);
    }
  }

  #open(target: ProjectPlace, version: ValuePlace['version'], sealed: Uint8Array, part: string): SecretText {
    try {
      const place = this.#place(target, version);
      const plain = openWithDataKey(this.#dataKey(target, place, sealed), place, sealed);
      try {
        return new SecretText(plain.toString('utf8'));
      } finally {
        plain.fill(0);
      }
    } catch (error) {
      throw error instanceof SealBroken ? new CatalogueError('sealed-value-damaged', { part }, { cause: error }) : error;
    }
  }

  #dataKey(target: ProjectPlace, place: ValuePlace, sealed: Uint8Array): KeyObject {
    const { versions } = this.#unsealed();
    const name = `${place.secretId}/${place.version}`;
    const known = versions.get(name);
    if (known !== undefined) return known;
    const key = openDataKey(this.#projectKey(target), place, sealed);
    const oldest = versions.size < mostDataKeys ? undefined : versions.keys().next().value;
    if (oldest !== undefined) versions.delete(oldest);
    versions.set(name, key);
    return key;
  }

  #place(target: ProjectPlace, version: ValuePlace['version']): ValuePlace {
    return { vaultId: this.#vaultId, projectId: target.projectId, secretId: target.secretId, version };
  }

  #projectKey(target: ProjectPlace): KeyObject {
    const keys = this.#unsealed();
    const known = keys.projects.get(target.projectId);
    if (known !== undefined) return known;
    const key = openProjectKey(keys.projectWrapping, target.wrappedProjectKey, this.#vaultId, target.projectId);
    keys.projects.set(target.projectId, key);
    return key;
  }

  #unsealed(): UnsealedKeys {
    if (this.#keys === null) throw new CatalogueError('vault-sealed', {});
    return this.#keys;
  }
}
