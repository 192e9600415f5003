/** `sikkerkey-vault status` of one version, asked of a serving process of another. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askVault } from './control-client.ts';
import { controlSocketPath } from './control-protocol.ts';

const known = { vaultId: 'vault_1', version: '0.0.1', sealed: false, apiUrl: 'https://localhost:1', processId: 1 };

/** A directory whose vault answers whatever it is asked with this. */
async function served(answer: object): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sk-'));
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(`${JSON.stringify(answer)}\n`));
  });
  onTestFinished(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });
  server.listen(controlSocketPath(directory));
  await once(server, 'listening');
  return directory;
}

test('a vault from before that does not say until when it refuses requests is read all the same', async () => {
  const directory = await served({ outcome: 'done', status: known });

  expect(await askVault(directory, { act: 'status' })).toEqual({
    outcome: 'done',
    status: { ...known, refusingUntil: null, willRefuse: null },
  });
});

test('what a later vault says besides is passed over, in a status and in a refusal', async () => {
  const status = { ...known, refusingUntil: null, willRefuse: null };
  const later = await served({ outcome: 'done', status: { ...status, load: 3 }, since: 'noon' });
  const refusing = await served({ outcome: 'refused', code: 'unseal-key-wrong', attempt: 2 });

  expect(await askVault(later, { act: 'status' })).toEqual({ outcome: 'done', status });
  expect(await askVault(refusing, { act: 'status' })).toEqual({ outcome: 'refused', code: 'unseal-key-wrong' });
});

test('an answer without what every version says is none', async () => {
  const directory = await served({ outcome: 'done', status: { version: '0.0.1' } });

  await expect(askVault(directory, { act: 'status' })).rejects.toMatchObject({ code: 'vault-not-running' });
});
