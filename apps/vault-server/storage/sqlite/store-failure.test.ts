import { expect, test } from 'vitest';
import { asStoreFailure } from './store-failure.ts';

const sqliteError = (code: string): Error => Object.assign(new Error('database or disk is full at /var/lib/vault'), { code });

test.each([
  ['SQLITE_FULL', 'vault-disk-full'],
  ['SQLITE_IOERR_SHMSIZE', 'vault-disk-full'],
  ['SQLITE_IOERR_WRITE', 'vault-store-failed'],
  ['SQLITE_IOERR_FSYNC', 'vault-store-failed'],
  ['SQLITE_READONLY', 'vault-store-failed'],
  ['SQLITE_CANTOPEN', 'vault-store-failed'],
])('%s is %s', (found, code) => {
  expect(asStoreFailure(sqliteError(found))).toMatchObject({ code });
});

test.each(['SQLITE_CORRUPT', 'SQLITE_CONSTRAINT_UNIQUE', 'ENOENT'])('%s stays what it is', (code) => {
  const error = sqliteError(code);

  expect(asStoreFailure(error)).toBe(error);
});

test('what is no error of a store stays what it is', () => {
  expect(asStoreFailure('text')).toBe('text');
  expect(asStoreFailure(null)).toBe(null);
});
