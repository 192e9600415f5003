/** The way back in: who holds a stopped vault's data directory and its unseal key makes an operator again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asOperator, type Identity } from '../support/signed-request.ts';
import { type CommandResult, startVault, type TestVault, vaultCommand, vaultProgram } from '../support/vault-process.ts';

let vault: TestVault;
let directory: string;
/** Whom the first of these tests makes. */
let ada: Identity;
beforeAll(async () => {
  vault = await startVault();
  directory = dirname(vault.dataDirectory);
});
afterAll(() => vault.stop());

const create = (...words: string[]): Promise<CommandResult> =>
  vaultCommand(['operator', 'create', '--data', vault.dataDirectory, '--name', 'Ada', '--key-file', vault.unsealKeyFile, ...words]);
const identity = (id: string, key: string): Identity => ({
  kind: 'operator',
  id,
  key: signingKeyFromSeed(Buffer.from(key.trim(), 'base64')),
});
const audit = () => vaultCommand(['audit', 'verify', '--data', vault.dataDirectory, '--key-file', vault.unsealKeyFile]);

describe('making an operator at the host', () => {
  test('is refused while the vault is served, which goes on, and says to stop it', async () => {
    const keyFile = join(directory, 'refused.key');
    const { exitCode, stderr } = await create('--operator-key-file', keyFile);

    expect(exitCode).toBe(7);
    expect(stderr).toContain('(vault-must-be-stopped)');
    expect(stderr).toContain('Stop that process');
    expect(existsSync(keyFile)).toBe(false);
    await asOperator(vault.apiUrl, vault.operator, 'status', {});
  });

  test('gives one whose key works, and who disables the one that was lost; the audit log holds and names it', async () => {
    const keyFile = join(directory, 'ada.key');
    await vault.whileStopped(async () => {
      const made = await create('--operator-key-file', keyFile, '--json');
      expect(made.stderr).toBe('');
      expect(JSON.parse(made.stdout)).toEqual({ operatorId: expect.any(String), name: 'Ada', operatorKeyFile: keyFile });
      const { operatorId } = JSON.parse(made.stdout) as { operatorId: string };
      ada = identity(operatorId, await readFile(keyFile, 'utf8'));
      expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
      expect((await audit()).stdout).toContain('the audit log holds');
    });

    const { operators } = await asOperator(vault.apiUrl, ada, 'listOperators', {});
    expect(operators.map(({ name }) => name)).toEqual(['first operator', 'Ada']);
    expect((await asOperator(vault.apiUrl, ada, 'disableOperator', { operatorId: vault.operator.id })).state).toBe('disabled');
    const { entries } = await asOperator(vault.apiUrl, ada, 'audit', {});
    expect(entries).toContainEqual(expect.objectContaining({ actorKind: 'vault', action: 'operator.create', subject: ada.id }));
  });

  test('makes nobody with a wrong unseal key, a key file that is there, or a name that is too long', async () => {
    const taken = join(directory, 'ada.key');
    const kept = await readFile(taken, 'utf8');
    const wrongKey = join(directory, 'wrong.key');
    await vaultCommand(['init', '--data', join(directory, 'other'), '--key-file', wrongKey]);
    await vault.whileStopped(async () => {
      const wrong = await vaultCommand(['operator', 'create', '--data', vault.dataDirectory, '--name', 'Eve', '--key-file', wrongKey]);
      const overwritten = await create('--operator-key-file', taken);
      const tooLong = await create('--name', 'x'.repeat(129));
      const keyless = await vaultCommand(['operator', 'create', '--data', vault.dataDirectory, '--name', 'Eve']);
      const elsewhere = await vaultCommand(['operator', 'create', '--data', join(directory, 'none'), '--name', 'Eve']);

      expect([wrong, overwritten, tooLong, keyless, elsewhere].map(({ exitCode }) => exitCode)).toEqual([4, 7, 2, 2, 5]);
      expect(wrong.stderr).toContain('(unseal-key-wrong)');
      expect(wrong.stdout).toBe('');
      expect(overwritten.stderr).toContain('(vault-key-file-exists)');
      expect(keyless.stderr).toContain(`sikkerkey-vault operator create --name NAME --data ${vault.dataDirectory} --key-file FILE`);
      expect(elsewhere.stderr).toContain('(vault-not-initialised)');
      expect(existsSync(join(directory, 'none'))).toBe(false);
    });

    expect(await readFile(taken, 'utf8')).toBe(kept);
    expect((await asOperator(vault.apiUrl, ada, 'listOperators', {})).operators).toHaveLength(2);
  });

  test.skipIf(!existsSync('/dev/full'))('makes nobody when the key cannot be shown, and takes its file back', async () => {
    const keyFile = join(directory, 'taken-back.key');
    await vault.whileStopped(async () => {
      const words = ['operator', 'create', '--data', vault.dataDirectory, '--name', 'Eve', '--key-file', vault.unsealKeyFile];
      const child = spawn(process.execPath, [vaultProgram, ...words, '--operator-key-file', keyFile], {
        stdio: ['ignore', openSync('/dev/full', 'w'), 'ignore'],
        env: childEnvironment(),
      });
      expect((await once(child, 'exit'))[0]).toBe(1);
      expect(existsSync(keyFile)).toBe(false);
    });

    expect((await asOperator(vault.apiUrl, ada, 'listOperators', {})).operators).toHaveLength(2);
  });

  test('without a file for it prints the key once', async () => {
    await vault.whileStopped(async () => {
      const made = JSON.parse((await create('--json')).stdout) as { operatorId: string; operatorKey: string };
      ada = identity(made.operatorId, made.operatorKey);
    });

    expect((await asOperator(vault.apiUrl, ada, 'status', {})).operatorId).toBe(ada.id);
  });
});
