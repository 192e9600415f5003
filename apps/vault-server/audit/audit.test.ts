import { createSecretKey } from 'node:crypto';
import { appendFile, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectDone, sealFor, Vault } from '../storage/contract/fixture.ts';
import { openSqliteStorage } from '../storage/sqlite/open.ts';
import { createAuditAuthenticator } from './chain.ts';
import { CheckpointLog } from './checkpoints.ts';
import { type AuditKeys, verifyAuditFiles } from './verify.ts';

const keys: AuditKeys = { auditKey: createSecretKey(Buffer.alloc(32, 1)), checkpointKey: createSecretKey(Buffer.alloc(32, 2)) };

let directory: string;
let store: string;
let checkpoints: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-audit-'));
  store = join(directory, 'vault.db');
  checkpoints = join(directory, 'audit-checkpoints');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const open = async () => {
  const storage = await openSqliteStorage({ file: store, random: systemRandom });
  storage.useAuditKey(createAuditAuthenticator(keys.auditKey));
  return storage;
};

/** Entries 1–7 with checkpoints at 3 and 7: initialise, project, five secrets. */
async function written(): Promise<{ readonly node: string }> {
  const vault = await Vault.create({ open, remove: async () => undefined }, createAuditAuthenticator(keys.auditKey));
  const log = await CheckpointLog.open(checkpoints, keys.checkpointKey);
  const project = await vault.project();
  for (let count = 1; count <= 5; count += 1) {
    await vault.plainSecret(project);
    if (count === 1 || count === 5) await log.write(await vault.storage.auditHeads(), vault.now + count);
  }
  const node = (await vault.storage.auditHeads())[0]?.node ?? '';
  await vault.storage.close();
  await log.close();
  return { node };
}

function tamper(...statements: string[]): void {
  const db = new Sqlite(store);
  for (const statement of statements) db.exec(statement);
  db.close();
}

const verify = () => verifyAuditFiles(store, checkpoints, keys);

describe('audit verify', () => {
  test('finds nothing in an untouched log and names the last checkpoint', async () => {
    const { node } = await written();

    expect(await verify()).toEqual({
      entries: 7,
      checkpoints: 2,
      findings: [],
      proven: { node, nodeSequence: 7, at: 1_000_005 },
    });
  });

  test.each([
    ['who', "actor_id = 'op_other'"],
    ['what', "action = 'secret.read'"],
    ['which secret', "subject = 'sk_other'"],
    ['when', 'at = at + 1'],
    ['from where', "address = '10.9.9.9'"],
    ['how it ended', "outcome = 'denied'"],
    ['the details', "detail = 'v9'"],
  ])('finds an entry whose %s was edited', async (_, change) => {
    const { node } = await written();
    tamper(`UPDATE audit SET ${change} WHERE node_sequence = 5`);

    const report = await verify();

    expect(report.findings).toEqual([{ kind: 'changed', node, nodeSequence: 5 }]);
    expect(report.proven).toMatchObject({ nodeSequence: 3 });
  });

  test('finds an entry that was edited together with its value', async () => {
    await written();
    tamper("UPDATE audit SET subject = 'sk_other', mac = randomblob(32) WHERE node_sequence = 5");

    expect((await verify()).findings.map((finding) => finding.kind)).toEqual(['changed', 'changed']);
  });

  test('finds deleted entries and counts them', async () => {
    const { node } = await written();
    tamper('DELETE FROM audit WHERE node_sequence IN (4, 5)');

    const report = await verify();

    expect(report.findings).toEqual([{ kind: 'missing', node, nodeSequence: 4, count: 2 }]);
    expect(report.proven).toMatchObject({ nodeSequence: 3 });
  });

  test('finds a deletion that was covered up by numbering anew', async () => {
    await written();
    tamper('DELETE FROM audit WHERE node_sequence = 4', 'UPDATE audit SET node_sequence = node_sequence - 1 WHERE node_sequence > 4');

    expect((await verify()).findings.map((finding) => finding.kind)).toEqual(['changed', 'changed', 'changed', 'behind-checkpoint']);
  });

  test('finds entries that changed places', async () => {
    const { node } = await written();
    tamper(
      'UPDATE audit SET sequence = -5 WHERE sequence = 5',
      'UPDATE audit SET sequence = 5 WHERE sequence = 6',
      'UPDATE audit SET sequence = 6 WHERE sequence = -5',
    );

    expect((await verify()).findings).toContainEqual({ kind: 'reordered', node, nodeSequence: 5 });
  });

  test('finds that the end was cut off before a checkpoint', async () => {
    const { node } = await written();
    tamper('DELETE FROM audit WHERE node_sequence > 5');

    const report = await verify();

    expect(report.findings).toEqual([{ kind: 'behind-checkpoint', node, nodeSequence: 5, checkpoint: 7 }]);
    expect(report.proven).toMatchObject({ nodeSequence: 3 });
  });

  test('finds a log that was emptied', async () => {
    const { node } = await written();
    tamper('DELETE FROM audit');

    expect(await verify()).toMatchObject({
      findings: [{ kind: 'behind-checkpoint', node, nodeSequence: 0, checkpoint: 7 }],
      proven: null,
    });
  });

  test('finds a store that was put back to an earlier copy, and one that was written on since', async () => {
    const earlier = await Vault.create({ open, remove: async () => undefined }, createAuditAuthenticator(keys.auditKey));
    const log = await CheckpointLog.open(checkpoints, keys.checkpointKey);
    const project = await earlier.project();
    await log.write(await earlier.storage.auditHeads(), 1);
    await earlier.storage.close();
    await copyFile(store, `${store}.copy`);
    await earlier.restart();
    await earlier.plainSecret(project);
    await earlier.plainSecret(project);
    await log.write(await earlier.storage.auditHeads(), 2);
    await log.close();
    await earlier.storage.close();
    await copyFile(`${store}.copy`, store);

    expect((await verify()).findings).toMatchObject([{ kind: 'behind-checkpoint', nodeSequence: 2, checkpoint: 4 }]);

    const storage = await open();
    for (const name of ['x', 'y', 'z']) {
      const caller = earlier.operator();
      expectDone(await storage.createSecret({ caller, projectId: project, name, fieldNames: null, seal: sealFor }));
    }
    await storage.close();

    const report = await verify();
    expect(report.findings).toMatchObject([{ kind: 'not-the-checkpoint', nodeSequence: 4 }]);
    expect(report.proven).toMatchObject({ nodeSequence: 2 });
  });

  test('a log written with another key is not this log', async () => {
    await written();
    const other = { ...keys, auditKey: createSecretKey(Buffer.alloc(32, 9)) };

    expect((await verifyAuditFiles(store, checkpoints, other)).findings).toHaveLength(7);
  });

  test('says so when the checkpoints are gone, instead of calling the log sound', async () => {
    await written();
    await rm(checkpoints);

    await expect(verify()).rejects.toMatchObject({ code: 'audit-checkpoints-missing' });
  });

  test('works while the vault has the store open', async () => {
    await written();
    const storage = await open();

    expect((await verify()).findings).toEqual([]);
    await storage.close();
  });
});

describe('the checkpoint file', () => {
  test('is private, and a line is there when it was written', async () => {
    await written();

    expect((await stat(checkpoints)).mode & 0o777).toBe(0o600);
    expect((await readFile(checkpoints, 'utf8')).trimEnd().split('\n')).toHaveLength(2);
  });

  test('a line that was changed, or removed before another, is found', async () => {
    await written();
    const [first = '', second = ''] = (await readFile(checkpoints, 'utf8')).split('\n');

    await writeFile(checkpoints, `${second}\n`);
    expect((await verify()).findings).toEqual([{ kind: 'checkpoint-changed', line: 1 }]);
    await writeFile(checkpoints, `${first.replace(',3,', ',2,')}\n${second}\n`);
    expect((await verify()).findings).toEqual([{ kind: 'checkpoint-changed', line: 1 }]);
    await writeFile(checkpoints, `${first}\nnonsense\n${second}\n`);
    expect(await verify()).toMatchObject({ findings: [{ kind: 'checkpoint-changed', line: 2 }], proven: { nodeSequence: 3 } });
  });

  test('goes on after a crash in the middle of a line', async () => {
    const { node } = await written();
    await appendFile(checkpoints, '[1,"torn');
    expect((await verify()).findings).toEqual([]);

    const log = await CheckpointLog.open(checkpoints, keys.checkpointKey);
    await log.write([{ node, nodeSequence: 7, mac: Buffer.alloc(32) }], 9);
    await log.write([{ node, nodeSequence: 8, mac: Buffer.alloc(32) }], 10);
    await log.close();

    expect(await verify()).toMatchObject({ checkpoints: 3, findings: [{ kind: 'behind-checkpoint', checkpoint: 8 }] });
  });
});
