/** A disk that takes nothing more: said in the catalogue's words, nothing lost, and it goes on once there is room. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asOperator, plainRequest, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, startVault, type TestVault, vaultCommand } from '../support/vault-process.ts';

const run = promisify(execFile);
let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

/** The system then refuses every write that would make a file larger, as it does on a full disk. */
const limitFiles = (bytes: number | 'unlimited') => run('prlimit', [`--pid=${vault.processId}`, `--fsize=${bytes}:`]);

test.skipIf(!canLimit())('a vault that cannot write answers 503, keeps all it acknowledged, and goes on once it can', async () => {
  const operate = <R extends Parameters<typeof asOperator>[2]>(route: R, body: Parameters<typeof asOperator<R>>[3]) =>
    asOperator(vault.apiUrl, vault.operator, route, body);
  const { projectId } = await operate('createProject', { name: 'production' });
  const { secretId } = await operate('createSecret', { projectId, name: 'before', value: 'the value' });
  const machine = await approvedMachine(vault, [projectId]);
  await operate('grant', { secretId, machineId: machine.id, permission: 'read' });
  const read = () => signedRequest(vault.apiUrl, machine, 'GET', `/v1/secret/${secretId}`);
  const create = (name: string) =>
    signedRequest(vault.apiUrl, vault.operator, 'POST', '/v2/operator/secrets/create', JSON.stringify({ projectId, name, value: 'x' }));
  expect((await create('just before')).status).toBe(200);

  await limitFiles(4_096);
  const refusedRead = await read();
  const refusedWrites = await Promise.all(['a', 'b', 'c'].map(create));
  const health = await plainRequest(vault.apiUrl, 'GET', '/healthz');
  await limitFiles('unlimited');
  const readAgain = await read();
  const written = await create('a');
  const { secrets } = await operate('listSecrets', { projectId });

  expect(refusedRead).toMatchObject({ status: 503, headers: { 'x-sikkerkey-error': 'vault-store-failed', 'retry-after': '5' } });
  expect(refusedWrites.map(({ status }) => status)).toEqual([503, 503, 503]);
  expect(JSON.parse(refusedWrites[0]?.text ?? '')).toMatchObject({ error: { code: 'vault-store-failed', retryAfterMs: 5_000 } });
  expect(health.status).toBe(200);
  expect(readAgain).toMatchObject({ status: 200, text: '{"value":"the value"}' });
  expect(written.status).toBe(200);
  expect(secrets.map(({ name }) => name).sort()).toEqual(['a', 'before', 'just before']);
  await expect
    .poll(() => vault.log().match(/"event":"store\.(failed|recovered)"/g))
    .toEqual(['"event":"store.failed"', '"event":"store.recovered"']);
  expect(vault.log()).not.toContain('request.failed');

  await vault.restart();
  expect((await read()).text).toBe('{"value":"the value"}');
  const verified = await vaultCommand(['audit', 'verify', '--data', vault.dataDirectory, '--key-file', vault.unsealKeyFile, '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ findings: [] });
});

function canLimit(): boolean {
  try {
    execFileSync('prlimit', ['--version']);
    return true;
  } catch {
    return false;
  }
}
