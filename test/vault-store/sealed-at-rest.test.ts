import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CheckpointLog } from '@sikkerkey/vault-server/audit/checkpoints.ts';
import { verifyAuditFiles } from '@sikkerkey/vault-server/audit/verify.ts';
import { Keyring } from '@sikkerkey/vault-server/sealing/keyring.ts';
import { createRootKey } from '@sikkerkey/vault-server/sealing/root-key.ts';
import { expectDone, managedDefaults, Vault } from '@sikkerkey/vault-server/storage/contract/fixture.ts';
import type { NewVersion } from '@sikkerkey/vault-server/storage/records.ts';
import { openSqliteStorage } from '@sikkerkey/vault-server/storage/sqlite/open.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

const canary = 'canary-7f3a-never-in-any-file';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-at-rest-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function bytesOfAllFiles(): Promise<Buffer> {
  const names = await readdir(directory);
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(directory, name)))));
}

test('no value, no administrator password and no root key is in any file of the vault', async () => {
  const { rootKey, verifier } = createRootKey(systemRandom, 'vault_test');
  const kept = Buffer.from(rootKey);
  const keyring = new Keyring('vault_test', systemRandom);
  keyring.unseal(rootKey, verifier);
  const file = join(directory, 'vault.db');
  const open = () => openSqliteStorage({ file, random: systemRandom });
  const vault = await Vault.create({ open, remove: async () => undefined }, keyring.auditAuthenticator());
  const { storage } = vault;
  const wrapKey = keyring.createProjectKey;
  const { projectId } = expectDone(await storage.createProject({ caller: vault.operator(), name: 'shop', wrapKey }));
  const seal = (version: NewVersion): Uint8Array => keyring.sealValue(version, new SecretText(canary));
  const sealAdmin: typeof managedDefaults.sealAdmin = (target) => keyring.sealAdministrator(target, new SecretText(canary));
  const plain = { projectId, name: 'plain', fieldNames: null, seal };
  const managed = { ...managedDefaults, projectId, name: 'managed', seal, sealAdmin };
  const { secretId } = expectDone(await storage.createSecret({ caller: vault.operator(), ...plain }));
  expectDone(await storage.createManagedSecret({ caller: vault.operator(), ...managed }));
  const machineId = await vault.approved(projectId);
  await vault.grant(secretId, machineId, 'read');
  const log = await CheckpointLog.open(join(directory, 'checkpoints'), keyring.checkpointKey());
  await log.write(await storage.auditHeads(), vault.now);
  await log.close();

  const reader = { caller: vault.machine(machineId), secretId, instance: null, pool: null };
  const served = keyring.openValue(expectDone(await storage.readLiveSecret(reader)));
  const whileOpen = await bytesOfAllFiles();
  await storage.close();
  const afterwards = await bytesOfAllFiles();
  const keys = { auditKey: keyring.auditKey(), checkpointKey: keyring.checkpointKey() };

  expect(served.reveal()).toBe(canary);
  for (const bytes of [whileOpen, afterwards]) {
    expect(bytes.includes(canary)).toBe(false);
    expect(bytes.includes(kept)).toBe(false);
  }
  expect((await verifyAuditFiles(file, join(directory, 'checkpoints'), keys)).findings).toEqual([]);
});
