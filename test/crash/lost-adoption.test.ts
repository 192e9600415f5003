/** The vault's answer to an adoption, or to its way back, is lost: what the vault began is worked off, and nothing is left behind. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import type { VaultProxy } from '../support/vault-proxy.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;
let vault: VaultProxy;
let managed: Managed;

beforeAll(async () => {
  stand = await Stand.open({ behindVaultProxy: true });
  vault = stand.vaultProxy;
  managed = await stand.manage();
}, 60_000);

afterAll(() => stand?.close());

const rotationIds = async (): Promise<readonly string[]> =>
  (await stand.operator('listRotations', { secretId: managed.secretId })).rotations.map((one) => one.rotationId);
const slots = async (): Promise<number> =>
  (await stand.sql('SELECT 1 FROM pg_roles WHERE rolname IN ($1::text, $2::text)', [`${managed.owner}_a`, `${managed.owner}_b`])).length;

describe('an adoption whose answer was lost', () => {
  test('is worked off by the daemon that asked for it', async () => {
    const sprung = vault.armed('/v2/adoptions/adopt', 'drop-reply');
    const adopt = stand.client((client) => client.call('agent.adopt', { secretId: managed.secretId }));
    await expect(adopt).rejects.toThrow();
    await sprung;

    const [rotationId = ''] = await rotationIds();
    await stand.retired(managed.secretId, rotationId, 60_000);
    await expectNothingLeftBehind(stand, managed);
  }, 90_000);
});

describe('a way back whose answer was lost', () => {
  test('is worked off, and drops its slots', async () => {
    const before = await rotationIds();
    const sprung = vault.armed('/v2/adoptions/unadopt', 'drop-reply');
    const unAdopt = stand.client((client) => client.call('agent.unAdopt', { secretId: managed.secretId }));
    await expect(unAdopt).rejects.toThrow();
    await sprung;

    const [rotationId = ''] = (await rotationIds()).filter((id) => !before.includes(id));
    await stand.retired(managed.secretId, rotationId, 60_000);
    await eventually('the slots are gone', async () => (await slots()) === 0, 90_000);
  }, 180_000);
});
