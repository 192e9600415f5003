import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import type { OperatorCaller } from '@sikkerkey/vault-server/storage/records.ts';
import { openSqliteStorage } from '@sikkerkey/vault-server/storage/sqlite/open.ts';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';

type Acknowledged = readonly [secretId: string, version: number, caller: OperatorCaller];

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vault-durability-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** What a writing process had been told was durable when it was killed in full flight. */
async function acknowledgedBeforeKill(file: string, atLeast: number): Promise<Acknowledged[]> {
  const program = fileURLToPath(new URL('./writer.ts', import.meta.url));
  const child = fork(program, [file], { env: childEnvironment() });
  const acknowledged: Acknowledged[] = [];
  const ended = once(child, 'exit');
  child.on('message', (message) => {
    acknowledged.push(message as Acknowledged);
    if (acknowledged.length === atLeast) child.kill('SIGKILL');
  });
  const [, signal] = await ended;
  expect(signal).toBe('SIGKILL');
  return acknowledged;
}

test('every acknowledged write is there after the process was killed in full flight', { timeout: 60_000 }, async () => {
  const file = join(directory, 'vault.db');
  const acknowledged = await acknowledgedBeforeKill(file, 400);

  const storage = await openSqliteStorage({ file, random: systemRandom });
  const replayed = await Promise.all(acknowledged.map(([, , caller]) => storage.useNonce(caller)));
  await storage.close();
  const db = new Sqlite(file, { readonly: true });
  const version = db.prepare<[string, number], number>('SELECT 1 FROM versions WHERE secret_id = ? AND version = ?').pluck();
  const lost = acknowledged.filter(([secretId, number]) => version.get(secretId, number) !== 1);
  const entries = db.prepare<[], number>("SELECT count(*) FROM audit WHERE action = 'secret.update'").pluck().get();
  const versions = db.prepare<[], number>('SELECT count(*) FROM versions WHERE version > 1').pluck().get();
  db.close();

  expect(new Set(replayed)).toEqual(new Set(['replay']));
  expect(lost).toEqual([]);
  expect(entries).toBe(versions);
});
