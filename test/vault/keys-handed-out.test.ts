/**
 * A key is out before what it opens can be there, and stays out for as long as that may be there: the real program, whose
 * store fails at its commit or which is killed there.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asOperator } from '../support/signed-request.ts';
import type { StoreFault } from '../support/store-faults.ts';
import { startVault, type TestVault, vaultCommand, vaultCommandUnder } from '../support/vault-process.ts';

let vault: TestVault;
let made = 0;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

/** Makes an operator of a name of its own on the stopped vault; what came of it, and whether the store has it afterwards. */
async function createUnder(fault: StoreFault) {
  made += 1;
  const name = `operator ${made}`;
  const keyFile = join(dirname(vault.dataDirectory), `operator-${made}.key`);
  const create = ['operator', 'create', '--data', vault.dataDirectory, '--name', name, '--key-file', vault.unsealKeyFile];
  let exitCode: number | null = null;
  let stderr = '';
  await vault.whileStopped(async () => {
    ({ exitCode, stderr } = await vaultCommandUnder(fault, [...create, '--operator-key-file', keyFile]));
  });
  const { operators } = await asOperator(vault.apiUrl, vault.operator, 'listOperators', {});
  const id = operators.find((operator) => operator.name === name)?.operatorId ?? null;
  return { exitCode, stderr, keyFile, id };
}

async function expectKeyOf({ id, keyFile }: { readonly id: string | null; readonly keyFile: string }): Promise<void> {
  const key = signingKeyFromSeed(Buffer.from((await readFile(keyFile, 'utf8')).trim(), 'base64'));
  const status = await asOperator(vault.apiUrl, { kind: 'operator', id: id ?? '', key }, 'status', {});
  expect(status.operatorId).toBe(id);
}

/** The audit log as the vault leaves it that was started on what the command left. */
async function expectAuditHolds(): Promise<void> {
  const verified = await vaultCommand(['audit', 'verify', '--data', vault.dataDirectory, '--key-file', vault.unsealKeyFile, '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ findings: [] });
}

describe('making an operator at the host', () => {
  test('killed before the commit makes nobody', async () => {
    const outcome = await createUnder('killed before the commit');

    expect(outcome).toMatchObject({ exitCode: null, id: null });
    expect(existsSync(outcome.keyFile)).toBe(true);
  }, 60_000);

  test.each([
    { name: 'right after its commit', fault: 'killed after the commit' },
    { name: 'at the checkpoint behind it', fault: 'killed at the checkpoint' },
    { name: 'after a commit that failed', fault: 'commit fails and stays, killed when the store is closed' },
  ] as const)(
    'killed $name leaves the key of whom the store may have',
    async ({ fault }) => {
      const outcome = await createUnder(fault);

      expect(outcome.exitCode).toBeNull();
      await expectKeyOf(outcome);
      await expectAuditHolds();
    },
    60_000,
  );

  test('keeps the key and says that nobody knows, where what a failed commit wrote is still there', async () => {
    const outcome = await createUnder('commit fails and stays');

    expect(outcome.exitCode).toBe(3);
    expect(outcome.stderr).toContain('(vault-making-uncertain)');
    await expectKeyOf(outcome);
    await expectAuditHolds();
  }, 60_000);

  test('takes the key back where a failed commit left nothing', async () => {
    const outcome = await createUnder('commit fails');

    expect(outcome).toMatchObject({ exitCode: 3, id: null });
    expect(outcome.stderr).toContain('(vault-store-failed)');
    expect(existsSync(outcome.keyFile)).toBe(false);
  }, 60_000);

  test('is done where only the checkpoint cannot be written, which is said, and the vault writes it', async () => {
    const outcome = await createUnder('checkpoint fails');

    expect(outcome.exitCode).toBe(0);
    expect(outcome.stderr).toContain('the audit checkpoint was not written (ENOSPC)');
    await expectKeyOf(outcome);
    await expectAuditHolds();
  }, 60_000);
});

describe('making a vault', () => {
  /** Makes a vault of its own under this fault. */
  async function initUnder(name: string, fault: StoreFault) {
    const directory = dirname(vault.dataDirectory);
    const data = join(directory, name);
    const keys = { unseal: join(directory, `${name}.unseal`), operator: join(directory, `${name}.operator`) };
    const init = ['init', '--data', data, '--key-file', keys.unseal, '--operator-key-file', keys.operator];
    return { ...(await vaultCommandUnder(fault, init)), data, keys };
  }

  test('keeps both keys where the commit failed and may be there nevertheless, and the vault that is there opens with them', async () => {
    const { exitCode, stderr, data, keys } = await initUnder('failed', 'commit fails and stays');

    expect(exitCode).toBe(3);
    expect(stderr).toContain('(vault-making-uncertain)');
    const made = ['operator', 'create', '--data', data, '--name', 'Ada', '--key-file', keys.unseal, '--json'];
    expect(await vaultCommand(made)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(existsSync(keys.operator)).toBe(true);
  }, 60_000);

  test('takes both keys back where a failed commit left nothing', async () => {
    const { exitCode, stderr, keys } = await initUnder('nothing', 'commit fails');

    expect(exitCode).toBe(3);
    expect(stderr).toContain('(vault-store-failed)');
    expect([existsSync(keys.unseal), existsSync(keys.operator)]).toEqual([false, false]);
  }, 60_000);
});

test('the unseal key is asked for and checked before the store is touched', async () => {
  const otherKey = join(dirname(vault.dataDirectory), 'other.key');
  await vaultCommand(['init', '--data', join(dirname(vault.dataDirectory), 'other'), '--key-file', otherKey]);

  const { stderr } = await vaultCommand(['operator', 'create', '--data', vault.dataDirectory, '--name', 'Eve', '--key-file', otherKey]);

  // The vault is served: whoever had opened its store would have found that first.
  expect(stderr).toContain('(unseal-key-wrong)');
});
