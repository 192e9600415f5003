import Sqlite from 'better-sqlite3';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from './database.ts';
import { NonceRegister } from './nonce-register.ts';
import { migrations } from './schema.ts';

let db: Database;
beforeEach(() => {
  db = new Sqlite(':memory:');
  for (const migration of migrations) db.exec(migration.statements);
});

test('tells hundreds of thousands of nonces apart', () => {
  const register = new NonceRegister(db);
  let fresh = 0;
  db.exec('BEGIN');
  for (let count = 0; count < 300_000; count += 1) if (register.use('machine:m1', `nonce ${count}`, 60_000)) fresh += 1;
  db.exec('COMMIT');

  expect(fresh).toBe(300_000);
});

test('identity and nonce do not run together', () => {
  const register = new NonceRegister(db);

  expect(register.use('machine:m1', '1a', 0)).toBe(true);
  expect(register.use('machine:m', '11a', 0)).toBe(true);
  expect(register.use('operator:m1', '1a', 0)).toBe(true);
});

test('is the same after opening again', () => {
  new NonceRegister(db).use('machine:m1', 'a', 100_000);

  const register = new NonceRegister(db);

  expect(register.use('machine:m1', 'a', 200_000)).toBe(false);
  expect(register.use('machine:m1', 'b', 200_000)).toBe(true);
});

test('goes back with a transaction that was undone, and no further', () => {
  const register = new NonceRegister(db);
  register.use('machine:m1', 'kept', 0);
  register.settle();
  const back = register.mark();
  register.use('machine:m1', 'undone', 0);
  back();

  expect(register.use('machine:m1', 'kept', 0)).toBe(false);
  expect(register.use('machine:m1', 'undone', 0)).toBe(true);
});

test.each([5, 7])('a clock that was ahead for hours, asked every %i minutes, leaves the time until then open', (everyMinutes) => {
  const register = new NonceRegister(db);
  const minute = 60_000;
  const ahead = 30 * 24 * 60 * minute;
  const hours = 60 * 10;
  const live = (from: number, minutes: number): void => {
    for (let at = 0; at < minutes; at += 1) {
      if (at % everyMinutes === 0) register.use('machine:m1', `${from} ${at}`, from + at * minute + 660_000);
      register.prune(from + at * minute, 1000);
    }
  };
  live(0, hours);
  live(ahead, hours);
  const refused = (now: number): boolean => register.hasForgotten(now + 360_000, now + 960_000);
  const after = 2 * hours * minute;

  const honest = Array.from({ length: (ahead - after) / minute - 20 }, (_, at) => refused(after + at * minute));
  expect(honest.filter(Boolean)).toHaveLength(0);
  expect(refused(ahead + minute)).toBe(true);
  const reopened = new NonceRegister(db);
  expect(reopened.hasForgotten(ahead + 360_000, ahead + 960_000)).toBe(true);
  expect(db.prepare('SELECT count(*) FROM forgotten_nonces').pluck().get()).toBeLessThanOrEqual(64);
});

test('forgets no more rows at once than it is told', () => {
  const register = new NonceRegister(db);
  for (let count = 0; count < 10; count += 1) register.use('machine:m1', `${count}`, 1000);

  expect(register.prune(60_000, 4)).toBe(4);
  expect(register.prune(60_000, 100)).toBe(6);
});

test('nonces of a clock that was ahead keep the others from being forgotten for one round only', () => {
  const register = new NonceRegister(db);
  for (let count = 0; count < 10; count += 1) register.use('machine:m1', `ahead ${count}`, 30 * 86_400_000);
  for (let count = 0; count < 3; count += 1) register.use('machine:m1', `${count}`, 1000);

  let rounds = 0;
  while (register.prune(60_000, 4) >= 4 && rounds < 10) rounds += 1;

  expect(db.prepare('SELECT count(*) FROM nonces').pluck().get()).toBe(10);
});

test('nonces of a clock that was ahead are passed once, not written again at each round, and go when their time comes', () => {
  const register = new NonceRegister(db);
  const ahead = 30 * 86_400_000;
  for (let count = 0; count < 100; count += 1) register.use('machine:m1', `ahead ${count}`, ahead);
  const places = () => db.prepare('SELECT number FROM nonces ORDER BY number').pluck().all();
  const before = places();
  const pruneAll = (now: number): number => {
    let rounds = 1;
    while (register.prune(now, 4) >= 4 && rounds < 1_000) rounds += 1;
    return rounds;
  };

  expect(pruneAll(60_000)).toBe(26);
  expect(pruneAll(120_000)).toBe(1);
  expect(places()).toEqual(before);
  register.use('machine:m1', 'later', 1_000);
  pruneAll(180_000);
  expect(places()).toEqual(before);
  pruneAll(ahead + 120_000);
  expect(places()).toEqual([]);
});

test('a round that was undone has passed nothing', () => {
  const register = new NonceRegister(db);
  register.use('machine:m1', 'gone', 1_000);
  register.use('machine:m1', 'ahead', 30 * 86_400_000);
  db.exec('BEGIN');
  const back = register.mark();
  register.prune(60_000, 4);
  back();
  db.exec('ROLLBACK');

  expect(register.prune(60_000, 4)).toBe(2);
  expect(db.prepare('SELECT count(*) FROM nonces').pluck().get()).toBe(1);
});
