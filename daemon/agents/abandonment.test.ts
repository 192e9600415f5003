import { VaultDenied, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { type LeftBehind, leftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inFlight, openTestJournal, type TestJournal } from '../journal/fixture.ts';
import type { VaultJournal } from '../journal/vault-journal.ts';
import { type AbandonmentDeps, abandonHere } from './abandonment.ts';
import { asRepair } from './epoch-ahead.ts';

const never = new AbortController().signal;

let kept: TestJournal;
let journal: VaultJournal;

beforeEach(async () => {
  kept = await openTestJournal();
  ({ journal } = kept);
});

afterEach(() => kept.remove());

/**
 * What is told, after it is checked that the receipt has the same. `byVault` null: the vault does not know the secret. Its
 * newest epoch is level with the highest one that this host was ever granted when it has heard of the abandonment.
 */
async function abandoned(row: JournalRow, byVault: readonly LeftBehind[] | null, newestEpoch = row.epoch): Promise<readonly LeftBehind[]> {
  await journal.write(row);
  await journal.keepGrantedEpoch('sk_1', row.epoch);
  const denied = () => Promise.reject(new VaultDenied('not-found'));
  const context = {
    link: { protocolKnown: () => Promise.resolve('v2') },
    journal,
    port: { newestEpoch: () => (byVault === null ? denied() : Promise.resolve(newestEpoch)) },
    abandon: () => (byVault === null ? denied() : Promise.resolve(byVault)),
  };
  const deps = {
    vaults: { choose: () => context },
    clock: { now: () => 5_000 },
    log: { warn: () => undefined },
    boundary: () => undefined,
  } as unknown as AbandonmentDeps;
  const told = await abandonHere(deps, 'vault_1', 'sk_1', 'burnt down', never);
  const stored = new Database(kept.path, { readonly: true });
  const leftThere = stored.prepare<[], string>('SELECT left_behind FROM receipt').pluck().get() ?? '';
  stored.close();
  expect(leftBehind.array().parse(JSON.parse(leftThere))).toEqual(told);
  return told;
}

test('an abandonment names every login of the row, of a secret that the vault does not know', async () => {
  expect(await abandoned(inFlight, null)).toEqual([
    { login: 'app_a', version: 3, label: 'none' },
    { login: 'app_b', version: 4, label: 'none' },
  ]);
});

test('an abandonment names what the row alone knows of a restored vault, without a number and once', async () => {
  expect(await abandoned(asRepair(inFlight), null)).toEqual([
    { login: 'app_a', version: null, label: 'none' },
    { login: 'app_b', version: null, label: 'none' },
  ]);
});

test.each([
  {
    name: 'the adoption',
    row: asRepair(inFlight),
    byVault: [{ login: 'app', version: 1, label: 'current' }],
    added: [
      { login: 'app_a', version: null, label: 'none' },
      { login: 'app_b', version: null, label: 'none' },
    ],
  },
  {
    name: 'nothing',
    row: inFlight,
    byVault: [
      { login: 'app', version: null, label: 'none' },
      { login: 'app_a', version: 3, label: 'current' },
      { login: 'app_b', version: 4, label: 'quarantined' },
    ],
    added: [],
  },
] as const)('an abandonment adds what the row knows to what the vault names that has forgotten $name', async ({ row, byVault, added }) => {
  expect(await abandoned(row, byVault)).toEqual([...byVault, ...added]);
});

test('an abandonment takes no number for its own that a restored vault has given anew', async () => {
  const byVault: readonly LeftBehind[] = [
    { login: 'app_a', version: 3, label: 'current' },
    { login: 'app_b', version: 4, label: 'quarantined' },
  ];
  const all = [...byVault, { login: 'app_a', version: null, label: 'none' }, { login: 'app_b', version: null, label: 'none' }];

  expect(await abandoned(inFlight, byVault, 5)).toEqual(all);
  expect(await journal.read('sk_1')).toBeNull();
});

test('what a row no longer says by its numbers is written down before the vault hears of the abandonment', async () => {
  const context = {
    link: { protocolKnown: () => Promise.resolve('v2') },
    journal,
    port: { newestEpoch: () => Promise.resolve(5) },
    abandon: () => Promise.reject(new VaultUnreachable('connection-refused')),
  };
  await journal.write(inFlight);
  await journal.keepGrantedEpoch('sk_1', 6);
  const deps = { vaults: { choose: () => context } } as unknown as AbandonmentDeps;

  await expect(abandonHere(deps, 'vault_1', 'sk_1', 'burnt down', never)).rejects.toThrow(VaultUnreachable);

  expect(await journal.read('sk_1')).toMatchObject(asRepair(inFlight));
});
