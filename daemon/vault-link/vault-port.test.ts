/** Claims at vaults of other versions, over the real client. */
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { createVaultClient } from '@sikkerkey/core/vault-client/client.ts';
import type { VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { createVaultPort } from './vault-port.ts';

/** A vault that knows these fields of a claim and refuses every other, as strict routes do. */
function vaultKnowing(fields: readonly string[]) {
  const heard: Record<string, unknown>[] = [];
  const transport: VaultTransport = {
    request: async ({ body }) => {
      const claim = JSON.parse(new TextDecoder().decode(body ?? undefined)) as Record<string, unknown>;
      heard.push(claim);
      const unknown = Object.keys(claim).find((field) => !fields.includes(field));
      const refused = { error: { code: 'request-field-invalid', details: { field: unknown } } };
      const answer = unknown === undefined ? { outcome: 'nothing' } : refused;
      const bytes = new TextEncoder().encode(JSON.stringify(answer));
      return { status: unknown === undefined ? 200 : 400, headers: {}, body: bytes };
    },
    stream: () => Promise.reject(new Error('nobody listens')),
    close: async () => undefined,
  };
  const identity = { kind: 'machine' as const, id: 'm_1', key: generateSigningKey(systemRandom) };
  const client = createVaultClient({ baseUrl: 'https://vault', identity, transport, clock: new FakeClock(), random: systemRandom });
  return { port: createVaultPort(client, 'daemon_1'), heard };
}

const always = ['secretId', 'daemonId', 'purpose'];
const { signal } = new AbortController();

test('a vault hears the highest epoch that was ever granted to this host', async () => {
  const { port, heard } = vaultKnowing([...always, 'knownEpoch']);

  expect(await port.claim('sk_1', 'work', signal, { knownEpoch: 7 })).toEqual({ kind: 'nothing' });
  expect(heard).toMatchObject([{ secretId: 'sk_1', knownEpoch: 7 }]);
});

test('a vault from before that cannot hear it is claimed from without it', async () => {
  const { port, heard } = vaultKnowing(always);

  expect(await port.claim('sk_1', 'work', signal, { knownEpoch: 7 })).toEqual({ kind: 'nothing' });
  expect(heard.map((claim) => 'knownEpoch' in claim)).toEqual([true, false]);
});

test('what else a vault refuses of a claim is not left out', async () => {
  const { port, heard } = vaultKnowing([...always, 'knownEpoch']);

  await expect(port.claim('sk_1', 'work', signal, { knownEpoch: 7, word: 'accept-server' })).rejects.toMatchObject({
    code: 'request-field-invalid',
  });
  expect(heard).toHaveLength(1);
});
