import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { JournalUnavailable } from '@sikkerkey/core/rotation/ports.ts';
import type { JournalRow, Receipt } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JournalFile } from './journal-file.ts';
import { createSealer } from './sealing.ts';
import { createVaultJournal, resealVaultRows } from './vault-journal.ts';

const canary = 'canary-password-9f2b';
const sealerOf = (seedByte: number, vaultId = 'vault_1'): ReturnType<typeof createSealer> =>
  createSealer(signingKeyFromSeed(new Uint8Array(32).fill(seedByte)).seed(), vaultId, systemRandom);

const makeRow = (change: Partial<JournalRow> = {}): JournalRow => ({
  secretId: 'sk_1',
  rotationId: 'rot_1',
  epoch: 7,
  strategy: 'flip',
  goal: 'apply',
  versions: { live: { version: 1, slot: 'owner' }, pending: { version: 2, slot: 'a' }, previous: null },
  credentials: new Map([
    [1, { username: 'app', password: new SecretText('the-old-password') }],
    [2, { username: 'app_a', password: new SecretText(canary) }],
  ]),
  serverFingerprint: 'server-1',
  ...change,
});

const receipt: Receipt = {
  secretId: 'sk_1',
  rotationId: 'rot_1',
  outcome: 'rotated',
  epoch: 7,
  statements: [{ kind: 'disable', slot: 'owner' }],
  startedAt: 1_000,
  endedAt: 2_000,
};

describe('the journal on disk', () => {
  let directory: string;
  let path: string;
  let health: (string | null)[];
  let file: JournalFile;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sk-journal-'));
    path = join(directory, 'journal.db');
    health = [];
    file = new JournalFile(path, (healthy, reason) => health.push(healthy ? null : reason));
  });

  afterEach(async () => {
    file.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('keeps what an abandoned database may hold, and its row goes in the same moment', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write(makeRow());
    const leftBehind = [{ login: 'app_a', version: 2, label: 'quarantined' as const }];

    await journal.abandon('sk_1', leftBehind, 5_000);

    expect(await journal.read('sk_1')).toBeNull();
    const kept = new Database(path, { readonly: true });
    const rows = kept.prepare('SELECT rotation_id, outcome, epoch, ended_at, left_behind FROM receipt').all();
    kept.close();
    expect(rows).toEqual([
      { rotation_id: 'rot_1', outcome: 'abandoned', epoch: 7, ended_at: 5_000, left_behind: JSON.stringify(leftBehind) },
    ]);
  });

  test('remembers where the last work was done beyond its row, until the database is abandoned', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write(makeRow());
    expect(await journal.knownServer('sk_1')).toBeNull();

    await journal.finish('sk_1', receipt, 'server-1');
    await journal.finish('sk_1', receipt, null);
    file.close();

    expect(await journal.read('sk_1')).toBeNull();
    expect(await journal.knownServer('sk_1')).toBe('server-1');
    expect(await createVaultJournal(file, 'vault_2', sealerOf(1)).knownServer('sk_1')).toBeNull();
    await journal.keepServer('sk_1', 'server-2');
    expect(await journal.knownServer('sk_1')).toBe('server-2');
    await journal.abandon('sk_1', [], 5_000);
    expect(await journal.knownServer('sk_1')).toBeNull();
  });

  test('keeps the highest epoch that was granted beyond its rows, for each vault, until it is told to forget it', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    expect(await journal.grantedEpoch('sk_1')).toBe(0);
    await journal.keepGrantedEpoch('sk_1', 9);
    await journal.keepGrantedEpoch('sk_1', 4);
    await journal.write(makeRow());
    await journal.finish('sk_1', receipt, 'server-1');
    file.close();

    expect(await journal.grantedEpoch('sk_1')).toBe(9);
    expect(await createVaultJournal(file, 'vault_2', sealerOf(1)).grantedEpoch('sk_1')).toBe(0);
    await journal.abandon('sk_1', [], 5_000);
    expect(await journal.grantedEpoch('sk_1')).toBe(0);
    await journal.keepGrantedEpoch('sk_1', 2);
    await journal.keepGrantedEpoch('sk_1', null);
    expect(await journal.grantedEpoch('sk_1')).toBe(0);
  });

  test('takes on a file of the form before, with its rows and receipts', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write(makeRow());
    await journal.finish('sk_2', receipt, null);
    file.close();
    const older = new Database(path);
    older.exec('DROP TABLE granted; DROP TABLE server; ALTER TABLE receipt DROP COLUMN left_behind; PRAGMA user_version = 1');
    older.close();

    expect((await journal.read('sk_1'))?.epoch).toBe(7);
    expect([await journal.grantedEpoch('sk_1'), await journal.grantedEpoch('sk_2')]).toEqual([7, receipt.epoch]);

    await journal.abandon('sk_1', [], 5_000);
    expect(file.lastReceipt('vault_1', 'sk_1')?.outcome).toBe('abandoned');
    expect(file.lastReceipt('vault_1', 'sk_2')?.outcome).toBe('rotated');
  });

  test('takes object ids that once stood for a server that hides its identity for nothing known', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write({ ...makeRow(), serverFingerprint: 'postgresql:database:16384' });
    await journal.keepServer('sk_1', 'postgresql:database:16384');
    await journal.keepServer('sk_2', 'postgresql:7310');
    file.close();
    const older = new Database(path);
    older.pragma('user_version = 4');
    older.close();

    expect((await journal.read('sk_1'))?.serverFingerprint).toBeNull();
    expect([await journal.knownServer('sk_1'), await journal.knownServer('sk_2')]).toEqual([null, 'postgresql:7310']);
  });

  test('gives back which ended versions a repair looks for', async () => {
    const versions = { ...makeRow().versions, pending: null, retired: [{ version: 2, slot: 'a' }] } as const;
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));

    await journal.write(makeRow({ rotationId: null, goal: 'repair', versions }));

    expect((await journal.read('sk_1'))?.versions).toEqual(versions);
  });

  test('gives back after a restart exactly what was written before it', async () => {
    const row = makeRow();
    await createVaultJournal(file, 'vault_1', sealerOf(1)).write(row);
    file.close();

    const found = await createVaultJournal(file, 'vault_1', sealerOf(1)).read('sk_1');

    expect({ ...found, credentials: null }).toEqual({ ...row, credentials: null });
    expect(found?.credentials.get(2)?.password.reveal()).toBe(canary);
    expect(found?.credentials.get(1)?.username).toBe('app');
  });

  test('holds no password in clear in any of its files, neither while it is there nor after it is gone', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write(makeRow());
    const during = await readAll(directory);
    await journal.finish('sk_1', receipt, null);
    file.close();

    expect(during.includes(canary)).toBe(false);
    expect((await readAll(directory)).includes(canary)).toBe(false);
  });

  test('removes the row and keeps the receipt together', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write(makeRow());

    await journal.finish('sk_1', receipt, null);

    expect(await journal.read('sk_1')).toBeNull();
    expect(file.lastReceipt('vault_1', 'sk_1')).toEqual({ rotationId: 'rot_1', outcome: 'rotated', startedAt: 1_000, endedAt: 2_000 });
  });

  test('keeps one row for each secret of each vault', async () => {
    const first = createVaultJournal(file, 'vault_1', sealerOf(1));
    const second = createVaultJournal(file, 'vault_2', sealerOf(1, 'vault_2'));
    await first.write(makeRow());
    await first.write(makeRow({ goal: 'confirm' }));
    await second.write(makeRow({ rotationId: 'rot_2' }));

    expect((await first.read('sk_1'))?.goal).toBe('confirm');
    expect((await second.read('sk_1'))?.rotationId).toBe('rot_2');
    expect(file.rowsOf('vault_1')).toHaveLength(1);
  });

  test.each([
    { name: 'another secret', sql: `UPDATE rotation SET secret_id = 'sk_2'`, secretId: 'sk_2' },
    { name: 'another rotation', sql: `UPDATE rotation SET rotation_id = 'rot_9'`, secretId: 'sk_1' },
    { name: 'another epoch', sql: 'UPDATE rotation SET epoch = 8', secretId: 'sk_1' },
  ])('does not open a sealed row that was moved to $name', async ({ sql, secretId }) => {
    await createVaultJournal(file, 'vault_1', sealerOf(1)).write(makeRow());
    file.close();
    const database = new Database(path);
    database.exec(sql);
    database.close();

    const read = createVaultJournal(file, 'vault_1', sealerOf(1)).read(secretId);

    await expect(read).rejects.toMatchObject({ name: 'JournalUnavailable', code: 'journal-row-of-another-identity' });
  });

  test('never takes a row of another identity for no row, and opens it again once resealed', async () => {
    await createVaultJournal(file, 'vault_1', sealerOf(1)).write(makeRow());
    await expect(createVaultJournal(file, 'vault_1', sealerOf(2)).read('sk_1')).rejects.toBeInstanceOf(JournalUnavailable);

    resealVaultRows(file, 'vault_1', sealerOf(1), sealerOf(2));

    const found = await createVaultJournal(file, 'vault_1', sealerOf(2)).read('sk_1');
    expect(found?.credentials.get(2)?.password.reveal()).toBe(canary);
    await expect(createVaultJournal(file, 'vault_1', sealerOf(1)).read('sk_1')).rejects.toBeInstanceOf(JournalUnavailable);
  });

  test('says that it is unavailable when the file is damaged, keeps it, and works again when it is put right', async () => {
    const journal = createVaultJournal(file, 'vault_1', sealerOf(1));
    await journal.write(makeRow());
    file.close();
    const good = await readFile(path);
    await writeFile(path, Buffer.alloc(good.length, 7));

    await expect(journal.read('sk_1')).rejects.toMatchObject({ name: 'JournalUnavailable', code: 'SQLITE_NOTADB' });
    expect((await stat(path)).size).toBe(good.length);
    await writeFile(path, good);

    expect((await journal.read('sk_1'))?.epoch).toBe(7);
    expect(health.at(-2)).toBe('SQLITE_NOTADB');
    expect(health.at(-1)).toBeNull();
  });

  test('refuses a file that a newer daemon wrote', async () => {
    file.open();
    file.close();
    const database = new Database(path);
    database.pragma('user_version = 99');
    database.close();

    expect(() => file.open()).toThrow(JournalUnavailable);
  });
});

async function readAll(directory: string): Promise<Buffer> {
  const names = ['journal.db', 'journal.db-wal'];
  const parts = await Promise.all(names.map((name) => readFile(join(directory, name)).catch(() => Buffer.alloc(0))));
  return Buffer.concat(parts);
}
