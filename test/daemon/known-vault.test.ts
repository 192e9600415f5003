/** Any server can call itself by a vault's id: what this host knows of a vault does not change on such a word. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startVault, type TestVault } from '../support/vault-process.ts';
import { LocalCallFailed, LocalClient } from './local-client.ts';
import { type RunningDaemon, startDaemon } from './programs.ts';

let directory: string;
let vault: TestVault;
let daemon: RunningDaemon;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-'));
  [vault, daemon] = await Promise.all([startVault(), startDaemon(join(directory, 'h'))]);
}, 30_000);

afterAll(async () => {
  await daemon?.stop('SIGKILL');
  await vault?.stop();
  await rm(directory, { recursive: true, force: true });
});

test('an operator’s key stays with the address it was kept for, until a person says that the vault has moved', async () => {
  const client = await LocalClient.open(daemon.socket);
  const login = { operatorId: vault.operator.id, key: Buffer.from(vault.operator.key.seed().reveal()).toString('base64') };
  const elsewhere = vault.apiUrl.replace('localhost', '127.0.0.1');
  const file = homeOf({ ...readEnvironment(), home: daemon.home }).operatorFile(vault.vaultId);
  await client.call('operator.add', { ...login, apiUrl: vault.apiUrl });
  const before = await readFile(file, 'utf8');

  const refusal = await client.call('operator.add', { ...login, apiUrl: elsewhere }).catch((error: unknown) => error);

  expect(refusal instanceof LocalCallFailed ? refusal.data.code : refusal).toBe('vault-address-differs');
  expect(await readFile(file, 'utf8')).toBe(before);
  await client.call('operator.add', { ...login, apiUrl: elsewhere, hasMoved: true });
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ apiUrl: elsewhere });
  client.close();
});
