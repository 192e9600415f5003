import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeInstanceLock } from './single-instance.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-lock-'));
  path = join(directory, 'lock.db');
});
afterEach(() => rm(directory, { recursive: true }));

test('one holds the lock, and the next one gets it when it is released', () => {
  const first = takeInstanceLock(path);

  expect(() => takeInstanceLock(path)).toThrow(expect.objectContaining({ code: 'daemon-already-running' }));
  first.release();
  takeInstanceLock(path).release();
});

test.each([
  ['a directory', 'SQLITE_CANTOPEN', () => mkdir(path)],
  ['no lock file of ours', 'SQLITE_NOTADB', () => writeFile(path, 'x'.repeat(5_000))],
])('what is %s is said to be so', async (_name, reason, make) => {
  await make();

  expect(() => takeInstanceLock(path)).toThrow(expect.objectContaining({ code: 'daemon-lock-unusable', details: { path, reason } }));
});
