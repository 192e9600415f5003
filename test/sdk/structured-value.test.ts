import { environmentName, fieldsOf, flattened } from '@sikkerkey/sdk/structured-value.ts';
import { expect, test } from 'vitest';

test.each([
  { name: 'DB Creds', expected: 'DB_CREDS' },
  { name: '--api.key--', expected: 'API_KEY' },
  { name: '2nd key', expected: '2ND_KEY' },
  { name: 'Straße', expected: 'STRASSE' },
  { name: '…', expected: '' },
])('makes $expected of $name', ({ name, expected }) => {
  expect(environmentName(name)).toBe(expected);
});

test.each([
  { name: 'an array', value: '[1]' },
  { name: 'a number', value: '5' },
  { name: 'null', value: 'null' },
  { name: 'text', value: 'text' },
  { name: 'an object that nests', value: '{"a":[1]}' },
])('finds no fields in $name', ({ value }) => {
  expect(fieldsOf(value)).toBeNull();
});

test('keeps a field whose name is special in JavaScript', () => {
  expect(Object.entries(fieldsOf('{"__proto__":"x"}') ?? {})).toEqual([['__proto__', 'x']]);
});

test('exports a secret that is called structured but is not as one value', () => {
  expect(flattened([{ name: 'n', value: 'v', fieldNames: 'a,b' }])).toEqual({ N: 'v' });
});
