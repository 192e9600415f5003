/** Unsealing on a disk that takes nothing: refused with the reason, the vault stays sealed, and it opens once there is room. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainRequest } from '../support/signed-request.ts';
import { startVault, type TestVault, vaultCommand } from '../support/vault-process.ts';

const run = promisify(execFile);
let vault: TestVault;
beforeAll(async () => {
  vault = await startVault({ sealed: true });
});
afterAll(() => vault.stop());

test.skipIf(!canLimit())('an unsealing that cannot write what it catches up with says so and leaves the vault sealed', async () => {
  const unseal = () => vaultCommand(['unseal', '--data', vault.dataDirectory, '--key-file', vault.unsealKeyFile]);
  // The system then refuses every write that would make a file larger, as it does on a full disk.
  const limitFiles = (bytes: number | 'unlimited') => run('prlimit', [`--pid=${vault.processId}`, `--fsize=${bytes}:`]);

  await limitFiles(4_096);
  const refused = await unseal();
  const status = await vaultCommand(['status', '--data', vault.dataDirectory, '--json']);
  const ready = await plainRequest(vault.apiUrl, 'GET', '/readyz');
  await limitFiles('unlimited');
  const unsealed = await unseal();

  expect(refused.stderr).toMatch(/\((vault-store-failed|vault-disk-full)\)/);
  expect(refused.exitCode).toBe(3);
  expect(JSON.parse(status.stdout)).toMatchObject({ sealed: true });
  expect(ready.status).toBe(503);
  expect(unsealed.stdout).toContain('unsealed');
  expect((await plainRequest(vault.apiUrl, 'GET', '/readyz')).status).toBe(200);
});

function canLimit(): boolean {
  try {
    execFileSync('prlimit', ['--version']);
    return true;
  } catch {
    return false;
  }
}
