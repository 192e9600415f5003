import { chmod, mkdtemp, open as openFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authenticator, expectDone, managedDefaults, Vault } from '../contract/fixture.ts';
import { readAuditEntries } from './audit-reader.ts';
import { openSqliteStorage } from './open.ts';
import { migrations } from './schema.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-store-'));
  file = join(directory, 'vault.db');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});
const open = () => openSqliteStorage({ file, random: systemRandom });
const makeVault = () => Vault.create({ open, remove: async () => undefined });

describe('opening the store', () => {
  test('makes every file private', async () => {
    const vault = await makeVault();
    await vault.project();

    const names = await readdir(directory);
    const modes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).mode & 0o777));

    expect(names).toEqual(expect.arrayContaining(['vault.db', 'vault.db-wal', 'vault.db-shm', 'vault.db.lock']));
    expect(modes).toEqual(names.map(() => 0o600));
    await vault.storage.close();
  });

  test('is refused while another has it open, and allowed once that one closed', async () => {
    const storage = await open();

    await expect(open()).rejects.toMatchObject({ code: 'vault-store-locked' });
    await storage.close();
    await (await open()).close();
  });

  test('is refused in a directory that others may enter', async () => {
    await chmod(directory, 0o755);

    await expect(open()).rejects.toMatchObject({ name: 'UnsafePath', why: 'accessible to others' });
  });

  test('does not follow a link', async () => {
    const elsewhere = join(directory, 'elsewhere');
    await writeFile(elsewhere, '');
    await symlink(elsewhere, file);

    await expect(open()).rejects.toMatchObject({ name: 'UnsafePath', why: 'symbolic link' });
    expect((await stat(elsewhere)).size).toBe(0);
  });

  test('a file that is no store is named as damaged and left as it is', async () => {
    await writeFile(file, 'this is not a database, and long enough that SQLite reads a header from it'.repeat(20), { mode: 0o600 });
    const before = (await stat(file)).size;

    await expect(open()).rejects.toMatchObject({ code: 'vault-store-damaged' });
    expect((await stat(file)).size).toBe(before);
  });

  test('a store of a newer version is refused and left as it is', async () => {
    await (await open()).close();
    const db = new Sqlite(file);
    db.pragma('user_version = 99');
    db.close();

    await expect(open()).rejects.toMatchObject({ code: 'vault-store-newer', details: { found: 99, known: 8 } });
  });

  test('a store of the first form is brought up to date, and keeps what is in it', async () => {
    const db = new Sqlite(file);
    db.exec(migrations[0]?.statements ?? '');
    db.pragma('user_version = 1');
    db.exec("INSERT INTO bootstrap_tokens (sha256, project_ids, expires_at, used_at) VALUES (zeroblob(32), '[]', 2000, NULL)");
    db.exec(`INSERT INTO projects VALUES ('p_1', 'p', zeroblob(1), 1);
      INSERT INTO machines VALUES ('m_1', 'm', 'h', zeroblob(32), 'f', 'approved', 1, NULL);
      INSERT INTO secrets VALUES ('sk_1', 'p_1', 's', 'managed', 1, 1, NULL, 1, 1, NULL);
      INSERT INTO holds VALUES ('sk_1', 1, 'm_1', 'i_1', 'main', 5), ('sk_1', 1, 'm_1', '', '', 6);`);
    db.close();

    const storage = await open();
    storage.useAuditKey(authenticator);
    await storage.initialise({
      vaultId: 'vault_test',
      rootKeyVerifier: Buffer.from('verifier'),
      operatorId: 'op_first',
      operatorName: 'first operator',
      operatorPublicKey: Buffer.alloc(32, 7),
      now: 1000,
    });
    const host = { publicKey: Buffer.alloc(32, 9), hostname: 'h', name: null, now: 1000, address: null };
    const enrolled = await storage.enrollMachine({ tokenSha256: Buffer.alloc(32), ...host });
    await storage.close();
    const reopened = new Sqlite(file, { readonly: true });
    const holds = reopened
      .prepare('SELECT kind, instance, pool, last_read_at AS lastReadAt, reads, held_until_age AS heldUntil FROM holds')
      .all();
    reopened.close();

    expect(enrolled.kind).toBe('done');
    const kept = { reads: 1, heldUntil: null };
    expect(holds).toEqual([
      { kind: 'process', instance: 'i_1', pool: 'main', lastReadAt: 5, ...kept },
      { kind: 'published', instance: '', pool: '', lastReadAt: 6, ...kept },
    ]);
  });

  test('what ran in a store whose times were of the wall clock gets its whole time again', async () => {
    const db = new Sqlite(file);
    for (const { statements } of migrations.slice(0, 3)) db.exec(statements);
    db.pragma('user_version = 3');
    db.exec(`INSERT INTO vault VALUES (1, 'v', 'n', 's', 0, zeroblob(1), 1);
      INSERT INTO projects VALUES ('p_1', 'p', zeroblob(1), 1);
      INSERT INTO machines VALUES ('m_1', 'm', 'h', zeroblob(32), 'f', 'approved', 1, NULL);
      INSERT INTO secrets VALUES ('sk_1', 'p_1', 's', 'managed', 2, 2, NULL, 1, 1, NULL), ('sk_2', 'p_1', 't', 'plain', 1, 1, NULL, 1, 1, 5);
      INSERT INTO managed (secret_id, provider, strategy, owner, host, port, database, tls, drain_deadline_ms, backup_horizon_ms, password_length)
        VALUES ('sk_1', 'postgresql', 'flip', 'app', 'h', 5432, 'd', 'disable', 60000, 3600000, 32);
      INSERT INTO versions VALUES ('sk_1', 1, 'previous', 'a', 'app_a', NULL, zeroblob(1), 1, 'x', NULL),
        ('sk_1', 2, 'retired', 'b', 'app_b', NULL, zeroblob(1), 1, 'x', 1900000000000), ('sk_2', 1, 'current', NULL, NULL, NULL, zeroblob(1), 1, 'x', 7);
      INSERT INTO rotations (rotation_id, secret_id, purpose, state, requested_at, requested_by, drain_deadline_at)
        VALUES ('rot_1', 'sk_1', 'rotate', 'promoted', 1, 'x', 1900000000000);
      UPDATE rotations SET drain_announced = 1;
      INSERT INTO nonces (hash, expires_at) VALUES (1, 5000000), (2, 5400000);
      INSERT INTO holds VALUES ('sk_1', 1, 'm_1', 'command-line', '', '', 1900000000000, 1900000000000, 1, 1900000010000);`);
    db.close();

    const storage = await open();

    expect(await storage.untilNextEnd()).toBe(10_000);
    await storage.close();
    const migrated = new Sqlite(file, { readonly: true });
    const ends = migrated
      .prepare('SELECT drains_since_age AS since, drain_ends_at_age AS endsAt, drain_announced AS announced FROM rotations')
      .get();
    const forgotten = migrated.prepare('SELECT forget_at_age FROM versions ORDER BY secret_id, version').pluck().all();
    const forgottenTimes = migrated.prepare('SELECT from_at, to_at FROM forgotten_nonces').raw().all();
    migrated.close();
    expect(forgottenTimes).toEqual([[0, 4_740_000]]);
    expect(ends).toEqual({ since: 0, endsAt: 60_000, announced: 0 });
    expect(forgotten).toEqual([null, 3_600_000, 30 * 86_400_000]);
  });

  test('a page that was overwritten is found at open', async () => {
    const vault = await makeVault();
    const project = await vault.project();
    for (let count = 0; count < 40; count += 1) await vault.plainSecret(project);
    await vault.storage.close();
    const bytes = Buffer.alloc(4096, 0xff);
    const handle = await openFile(file, 'r+');
    await handle.write(bytes, 0, bytes.length, 4096 * 5);
    await handle.close();

    await expect(open()).rejects.toMatchObject({ code: 'vault-store-damaged' });
  });
});

describe('the audit chain', () => {
  test('is whole after a failed group and a restart', async () => {
    const vault = await makeVault();
    const project = await vault.project();
    const fails = (): never => {
      throw new Error('no seal');
    };
    const doomed = { caller: vault.operator(), projectId: project, name: 'doomed', fieldNames: null, seal: fails };
    await Promise.allSettled([vault.plainSecret(project), vault.storage.createSecret(doomed), vault.plainSecret(project)]);
    await vault.restart();
    await vault.plainSecret(project);
    await vault.storage.close();

    const chain = readAuditEntries(file, (entries) => {
      const macs: Uint8Array[] = [];
      let whole = true;
      for (const { mac, ...entry } of entries) {
        whole &&= Buffer.from(authenticator.authenticate(macs.at(-1) ?? new Uint8Array(), entry)).equals(mac);
        macs.push(mac);
      }
      return { whole, length: macs.length };
    });

    expect(chain).toEqual({ whole: true, length: 5 });
  });
});

test("a deleted secret's values and its administrator are in the file no longer once the backup horizon has passed", async () => {
  const vault = await makeVault();
  const kept = await vault.managedSecret(await vault.project());
  const secretId = await vault.managedSecret(await vault.project());
  expectDone(await vault.storage.deleteSecret({ caller: vault.operator(), secretId }));
  const sealedRows = async () => {
    await vault.storage.prune({ now: vault.now, limit: 100, keepEventsMs: 86_400_000 });
    const db = new Sqlite(file, { readonly: true });
    try {
      const query =
        'SELECT m.secret_id FROM managed m JOIN versions v USING (secret_id) WHERE sealed_admin IS NOT NULL OR sealed IS NOT NULL';
      return new Set(db.prepare(query).pluck().all());
    } finally {
      db.close();
    }
  };

  await vault.lives(managedDefaults.backupHorizonMs - 1);
  expect(await sealedRows()).toEqual(new Set([kept, secretId]));
  await vault.lives(1);
  expect(await sealedRows()).toEqual(new Set([kept]));
  await vault.storage.close();
});
