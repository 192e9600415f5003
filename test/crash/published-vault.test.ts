/** A vault that speaks the published protocol only: the same daemon serves it in place, and forgets nothing there either. */

import { join } from 'node:path';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import Database from 'better-sqlite3';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import type { VaultProxy } from '../support/vault-proxy.ts';
import { journalRows } from './expectations.ts';
import { machineClient } from './login-meter.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;
let vault: VaultProxy;
let managed: Managed;

beforeAll(async () => {
  stand = await Stand.open({ behindVaultProxy: true });
  vault = stand.vaultProxy;
  managed = await stand.manage();
  vault.hideV2();
  await stand.daemon.stop();
  forgetThatItSpokeV2(stand.home);
  await stand.restartDaemon();
  await stand.client((client) => client.call('agent.start', { secretId: managed.secretId }));
}, 60_000);

afterAll(() => stand?.close());

/** As on a host that its vault's own tool enrolled: this daemon enrolls with /v2 only, and remembers for ever that it heard it. */
function forgetThatItSpokeV2(home: string): void {
  const { daemon } = homeOf({ ...readEnvironment(), home });
  const database = new Database(join(daemon, 'agents.db'));
  database.prepare(`DELETE FROM setting WHERE name LIKE 'speaks-v2/%'`).run();
  database.close();
}

const livePassword = async (): Promise<string> => {
  const client = await machineClient(stand);
  const { value } = (await client.call('GET', `/v1/secret/${managed.secretId}`, null)) as { value: string };
  await client.close();
  return (JSON.parse(value) as { password: string }).password;
};
const logIn = async (password: string): Promise<string> => {
  const { host, port, database } = stand.postgresql;
  const client = new pg.Client({ host, port, database, user: managed.owner, password });
  try {
    await client.connect();
    return 'in';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  } finally {
    await client.end();
  }
};
const promoted = (rotationId: string): Promise<boolean> =>
  eventually(
    'the rotation is promoted',
    async () => {
      const { rotations } = await stand.operator('listRotations', { secretId: managed.secretId });
      return rotations.find((one) => one.rotationId === rotationId)?.promotedAt !== null;
    },
    60_000,
  );

describe('a vault of the published protocol', () => {
  test('is recognised, and shown for what it is', async () => {
    const [shown] = (await stand.client((client) => client.call('identity.list', {}))).vaults;

    expect(shown).toMatchObject({ protocol: 'published', reachable: true });
  });

  test('has its rotations applied in place, verified and confirmed', async () => {
    await eventually('the daemon asked for it', () => vault.count(`/v1/secret/${managed.secretId}/sync-config`) > 0);
    const { rotationId } = await stand.operator('rotate', { secretId: managed.secretId });
    await promoted(rotationId);

    const password = await livePassword();
    expect(password).not.toBe(managed.firstPassword);
    expect(await logIn(password)).toBe('in');
    expect(await logIn(managed.firstPassword)).toBe('28P01');
    expect(vault.count(`/v1/secret/${managed.secretId}/agent/confirm-rotation`)).toBe(1);
    await eventually('the journal is empty', () => journalRows(stand, managed) === 0);
  }, 90_000);

  test.each(['after-statement', 'confirmed', 'before-confirm'])(
    'is told the end of a rotation whose daemon was killed at "%s"',
    async (boundary) => {
      const killed = await stand.restartDaemon(boundary);
      const { rotationId } = await stand.operator('rotate', { secretId: managed.secretId });
      expect(await killed.ended).toBe('SIGKILL');
      await stand.restartDaemon();
      await promoted(rotationId);

      expect(await logIn(await livePassword())).toBe('in');
      await eventually('the journal is empty', () => journalRows(stand, managed) === 0, 40_000);
    },
    90_000,
  );

  test('gets a confirm again whose answer was lost', async () => {
    const path = `/v1/secret/${managed.secretId}/agent/confirm-rotation`;
    const sprung = vault.armed(path, 'drop-reply');
    const { rotationId } = await stand.operator('rotate', { secretId: managed.secretId });
    await sprung;
    await promoted(rotationId);

    expect(await logIn(await livePassword())).toBe('in');
    await eventually('the journal is empty', () => journalRows(stand, managed) === 0, 40_000);
  }, 90_000);

  test('says at once what it cannot do', async () => {
    const adopt = stand.client((client) => client.call('agent.adopt', { secretId: managed.secretId }));

    await expect(adopt).rejects.toMatchObject({ data: { code: 'needs-v2-vault' } });
  });
});
