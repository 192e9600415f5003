import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { expect, test } from 'vitest';
import { managedFieldNames, managedValue, ordinaryValue, passwordOf } from './secret-value.ts';

test('a plain value is kept as it is', () => {
  const made = ordinaryValue({ value: ' exactly this\n' }, systemRandom);

  expect(made.value.reveal()).toBe(' exactly this\n');
  expect(made.fieldNames).toBeNull();
});

test('fields become one JSON object of strings', () => {
  const made = ordinaryValue({ fields: { user: 'u', pass: 'p' } }, systemRandom);

  expect(JSON.parse(made.value.reveal())).toEqual({ user: 'u', pass: 'p' });
  expect(made.fieldNames).toEqual(['user', 'pass']);
});

test.each([
  ['value and fields', { value: 'v', fields: { a: 'b' } }],
  ['fields without a field', { fields: {} }],
  ['more than 64 KiB', { value: 'ü'.repeat(32_769) }],
  ['half of a character', { value: '\ud83d' }],
  ['half of a character in a field', { fields: { a: '\ud83d' } }],
])('refuses %s', (_name, given) => {
  expect(() => ordinaryValue(given, systemRandom)).toThrow(expect.objectContaining({ code: 'request-field-invalid' }));
});

test.each([
  [{}, /^.{32}$/],
  [{ length: 1 }, /^.$/],
  [{ length: 1024, charset: 'numbers' as const }, /^[0-9]{1024}$/],
  [{ length: 40, charset: 'alphanumeric' as const }, /^[A-Za-z0-9]{40}$/],
  [{ charset: 'uuid' as const }, /^[0-9a-f-]{36}$/],
])('without a value one is generated: %j', (given, form) => {
  expect(ordinaryValue(given, systemRandom).value.reveal()).toMatch(form);
});

test('every field of a managed value is a string, and the password comes back out of it', () => {
  const value = managedValue({ host: 'db', port: 5432, database: 'app', username: 'app_a' }, new SecretText('p"w'));

  const fields = JSON.parse(value.reveal()) as Record<string, unknown>;
  expect(Object.keys(fields)).toEqual(managedFieldNames);
  expect(Object.values(fields).every((field) => typeof field === 'string')).toBe(true);
  expect(passwordOf(value)).toBe('p"w');
});
