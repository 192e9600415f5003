/** What is wrong with the files of one vault must not stop the others: it is shown, with what mends it. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { ensurePrivateDirectory } from '@sikkerkey/host/private-files.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalClient } from './local-client.ts';
import { eventually, type RunningVault, startDaemon, startProgram, startVault } from './programs.ts';

let directory: string;
let vault: RunningVault;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-'));
  vault = await startVault({ directory, port: await freePort() });
}, 30_000);

afterAll(async () => {
  await vault?.stop();
  await rm(directory, { recursive: true, force: true });
});

test('a staged key that others may read keeps its own vault out, and the daemon and every other vault run', async () => {
  const home = homeOf({ ...readEnvironment(), home: join(directory, 'h') });
  const staged = join(home.vault('vault_other'), 'private.next.pem');
  await ensurePrivateDirectory(home.vaults);
  await ensurePrivateDirectory(home.vault('vault_other'));
  await writeFile(staged, generateSigningKey(systemRandom).toPem().reveal());
  await chmod(staged, 0o644);

  const daemon = await startDaemon(home.base);
  try {
    const client = await LocalClient.open(daemon.socket);
    const { operatorId, operatorKey, apiUrl } = vault;
    await client.call('operator.add', { apiUrl, operatorId, key: operatorKey });
    const { answer } = await client.call('operator.call', { route: 'createBootstrapToken', body: {} });
    await client.call('identity.enroll', { apiUrl, token: (answer as { token: string }).token, name: 'beside' });

    const shown = async (): Promise<unknown> => (await client.call('identity.list', {})).vaults.map((one) => [one.vaultId, one.errorCode]);
    await eventually('the other vault is reached', async () =>
      (await client.call('identity.list', {})).vaults.some((one) => one.reachable),
    );
    expect(await shown()).toEqual(expect.arrayContaining([['vault_other', 'identity-unusable']]));
    const status = startProgram('apps/cli/main.ts', ['status'], { SIKKERKEY_HOME: home.base, COLUMNS: '200' });
    expect(await status.ended).toBe(6);
    expect(status.output().replaceAll(/\s+/g, ' ')).toMatch(
      /vault_other are unusable: private\.next\.pem: accessible to others.*sikkerkey daemon stop/,
    );
    client.close();
  } finally {
    await daemon.stop('SIGKILL');
  }
}, 60_000);
