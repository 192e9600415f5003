import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pause } from './context.ts';
import type { Database } from './database.ts';
import { GroupCommit, type Rewindable } from './group-commit.ts';

/** State in memory that follows the transaction, as the audit chain's head does. */
class Counter implements Rewindable {
  value = 0;
  settled = 0;

  mark(): () => void {
    const value = this.value;
    return () => {
      this.value = value;
    };
  }

  settle(): void {
    this.settled = this.value;
  }
}

let db: Database;
let counter: Counter;
let commits: GroupCommit;
let committed: number;
beforeEach(() => {
  db = new Sqlite(':memory:');
  db.exec('CREATE TABLE notes (text TEXT NOT NULL UNIQUE)');
  counter = new Counter();
  committed = 0;
  commits = new GroupCommit(db, [counter], () => {
    committed += 1;
  });
});
afterEach(() => {
  db.close();
});

const write = (text: string) =>
  commits.run(() => {
    db.prepare('INSERT INTO notes VALUES (?)').run(text);
    counter.value += 1;
    return text;
  });
const notes = () => db.prepare<[], string>('SELECT text FROM notes ORDER BY text').pluck().all();

test('operations of one turn share a commit', async () => {
  expect(await Promise.all(['a', 'b', 'c'].map(write))).toEqual(['a', 'b', 'c']);

  expect(committed).toBe(1);
  expect(counter.settled).toBe(3);
});

test('what arrives while the first operations are taken in comes along with them', async () => {
  const first = write('a');
  await pause();
  const second = write('b');

  await Promise.all([first, second]);

  expect(committed).toBe(1);
  expect(notes()).toEqual(['a', 'b']);
});

test('more than a group are committed in several, all of them', async () => {
  const texts = Array.from({ length: 600 }, (_, index) => `note ${index}`);

  await Promise.all(texts.map(write));

  expect(notes()).toHaveLength(600);
  expect(committed).toBe(3);
});

test('one that fails after it wrote is undone alone, in the file and in memory', async () => {
  const failing = commits.run(() => {
    db.prepare('INSERT INTO notes VALUES (?)').run('half');
    counter.value += 1;
    throw new Error('second thoughts');
  });

  const results = await Promise.allSettled([write('a'), failing, write('b'), write('a')]);

  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  expect(notes()).toEqual(['a', 'b']);
  expect(counter.value).toBe(2);
});

test('when the disk is full nothing is acknowledged, and writing goes on once there is room', async () => {
  const pages = Number(db.pragma('page_count', { simple: true }));
  db.pragma(`max_page_count = ${pages}`);
  const long = 'x'.repeat(20_000);

  const results = await Promise.allSettled([write(`${long}1`), write(`${long}2`)]);
  expect(results.map((result) => (result.status === 'rejected' ? String(result.reason.code) : 'written'))).toEqual([
    'vault-disk-full',
    'vault-disk-full',
  ]);
  expect(notes()).toEqual([]);
  expect(counter.value).toBe(0);

  db.pragma('max_page_count = 1000000');
  await write('room again');
  expect(notes()).toEqual(['room again']);
});

test('what comes after closing is refused', async () => {
  const queued = write('queued');
  commits.close();

  expect(await queued).toBe('queued');
  await expect(write('late')).rejects.toThrow('closed');
});
