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

test('forgets no more rows at once than it is told', () => {
  const register = new NonceRegister(db);
  for (let count = 0; count < 10; count += 1) register.use('machine:m1', `${count}`, 1000);

  expect(register.prune(60_000, 4)).toBe(4);
  expect(register.prune(60_000, 100)).toBe(6);
});
