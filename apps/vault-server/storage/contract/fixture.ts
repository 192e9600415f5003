/** A small vault for the contract suite: callers with fresh nonces, a project, machines, secrets with see-through seals. */
import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import type { AuditAuthenticator } from '../audit-records.ts';
import type { MachineCaller, NewVersion, OperatorCaller, Outcome, RefusalReason, SealedVersion } from '../records.ts';
import type { NewManagedSecret, Storage } from '../storage.ts';

/** A store that can be closed and opened again over the same data. */
export interface StorageUnderTest {
  open(): Promise<Storage>;
  /** Removes the data; the store is closed by then. */
  remove(): Promise<void>;
}

export const authenticator: AuditAuthenticator = {
  authenticate: (previous, entry) => createHmac('sha256', 'test').update(previous).update(JSON.stringify(entry)).digest(),
};

/** A seal that shows what it was made for, so that tests see that version, slot and login are right. */
export function sealFor(version: NewVersion): Uint8Array {
  return Buffer.from(`${version.secretId}/v${version.version}/${version.managed?.username ?? 'value'}`, 'utf8');
}

export function resealFor(old: SealedVersion, version: NewVersion): Uint8Array {
  return Buffer.from(`${version.secretId}/v${version.version}/from v${old.version}`, 'utf8');
}

export function textOf(sealed: Uint8Array): string {
  return Buffer.from(sealed).toString('utf8');
}

export function expectDone<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === 'refused') throw new Error(`refused: ${outcome.reason}`);
  return outcome.value;
}

export function expectRefused(outcome: Outcome<unknown>, reason: RefusalReason): void {
  expect(outcome).toMatchObject({ kind: 'refused', reason });
}

export const managedDefaults: Omit<NewManagedSecret, 'projectId' | 'name'> = {
  provider: 'postgresql',
  username: 'app',
  host: 'db.internal',
  port: 5432,
  database: 'shop',
  tls: 'verify-full',
  adminUser: 'postgres',
  sealAdmin: (target) => Buffer.from(`${target.secretId}/administrator`, 'utf8'),
  intervalMs: null,
  drainDeadlineMs: 60_000,
  backupHorizonMs: 3_600_000,
  passwordLength: 32,
};

/** The vault of the test that runs. */
export type CurrentVault = () => Vault;

export class Vault {
  storage: Storage;
  /** The vault's clock; tests move it. */
  now = 1_000_000;
  readonly #underTest: StorageUnderTest;
  readonly #audit: AuditAuthenticator;
  readonly #operatorId = 'op_first';
  #nonces = 0;
  #names = 0;
  #countedAt = this.now;

  private constructor(underTest: StorageUnderTest, storage: Storage, audit: AuditAuthenticator) {
    this.#underTest = underTest;
    this.#audit = audit;
    this.storage = storage;
  }

  static async create(underTest: StorageUnderTest, audit: AuditAuthenticator = authenticator): Promise<Vault> {
    const vault = new Vault(underTest, await underTest.open(), audit);
    vault.storage.useAuditKey(audit);
    const born = await vault.storage.initialise({
      vaultId: 'vault_test',
      rootKeyVerifier: Buffer.from('verifier'),
      operatorId: vault.#operatorId,
      operatorName: 'first operator',
      operatorPublicKey: Buffer.alloc(32, 7),
      now: vault.now,
    });
    if (born.kind !== 'initialised') throw new Error('the store was not empty');
    return vault;
  }

  async restart(): Promise<void> {
    await this.storage.close();
    this.storage = await this.#underTest.open();
    this.storage.useAuditKey(this.#audit);
  }

  async remove(): Promise<void> {
    await this.storage.close();
    await this.#underTest.remove();
  }

  /** Lets time pass in which the vault is heard. Returns how many drains and holds ended by it. */
  async lives(ms: number): Promise<number> {
    this.now += ms;
    return this.growOlder();
  }

  /** What the tick does: counts the time since the last count. */
  async growOlder(): Promise<number> {
    const elapsedMs = this.now - this.#countedAt;
    this.#countedAt = this.now;
    return this.storage.growOlder({ now: this.now, elapsedMs, limit: 10 });
  }

  operator(): OperatorCaller {
    this.#nonces += 1;
    return { kind: 'operator', id: this.#operatorId, nonce: `o${this.#nonces}`, signedAt: this.now, now: this.now, address: '127.0.0.1' };
  }

  machine(machineId: string): MachineCaller {
    this.#nonces += 1;
    return { kind: 'machine', id: machineId, nonce: `m${this.#nonces}`, signedAt: this.now, now: this.now, address: '127.0.0.1' };
  }

  async project(): Promise<string> {
    this.#names += 1;
    const wrapKey = (projectId: string): Uint8Array => Buffer.from(`key of ${projectId}`, 'utf8');
    return expectDone(await this.storage.createProject({ caller: this.operator(), name: `project ${this.#names}`, wrapKey })).projectId;
  }

  /** A pending machine, member of the projects. */
  async enrolled(...projectIds: string[]): Promise<string> {
    this.#names += 1;
    const tokenSha256 = Buffer.alloc(32, this.#names);
    const expiresAt = this.now + 600_000;
    expectDone(await this.storage.createBootstrapToken({ caller: this.operator(), tokenSha256, projectIds, expiresAt }));
    const publicKey = Buffer.alloc(32, this.#names);
    const host = { publicKey, hostname: `host-${this.#names}`, name: null, now: this.now, address: null };
    return expectDone(await this.storage.enrollMachine({ tokenSha256, ...host })).machineId;
  }

  async approved(...projectIds: string[]): Promise<string> {
    const machineId = await this.enrolled(...projectIds);
    expectDone(await this.storage.setMachineState({ caller: this.operator(), machineId, state: 'approved', fingerprint: null }));
    return machineId;
  }

  async plainSecret(projectId: string, name = `secret ${this.#names++}`): Promise<string> {
    const secret = { projectId, name, fieldNames: null, seal: sealFor };
    return expectDone(await this.storage.createSecret({ caller: this.operator(), ...secret })).secretId;
  }

  async managedSecret(projectId: string, changes: Partial<NewManagedSecret> = {}): Promise<string> {
    const secret = { ...managedDefaults, projectId, name: `managed ${this.#names++}`, seal: sealFor, ...changes };
    return expectDone(await this.storage.createManagedSecret({ caller: this.operator(), ...secret })).secretId;
  }

  async grant(secretId: string, machineId: string, ...permissions: ('read' | 'rotate')[]): Promise<void> {
    for (const permission of permissions) {
      expectDone(await this.storage.grant({ caller: this.operator(), secretId, machineId, permission }));
    }
  }

  /** A managed secret, and a machine that may read and rotate it. */
  async servedSecret(): Promise<{ readonly project: string; readonly machineId: string; readonly secretId: string }> {
    const project = await this.project();
    const machineId = await this.approved(project);
    const secretId = await this.managedSecret(project);
    await this.grant(secretId, machineId, 'read', 'rotate');
    return { project, machineId, secretId };
  }

  /** Actions in the audit log, oldest first. */
  async audited(): Promise<string[]> {
    const entries = expectDone(await this.storage.auditEntries({ caller: this.operator(), before: null, limit: 200, secretId: null }));
    return entries.toReversed().map((entry) => entry.action);
  }

  /** How many audit entries `work` leaves. */
  async entriesOf(work: () => Promise<unknown>): Promise<number> {
    const before = expectDone(await this.storage.status({ caller: this.operator() })).auditSequence;
    await work();
    return expectDone(await this.storage.status({ caller: this.operator() })).auditSequence - before;
  }
}
