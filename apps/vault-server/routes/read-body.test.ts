import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { machineRoutes } from '@sikkerkey/protocol/vault/machine.ts';
import { operatorRoutes } from '@sikkerkey/protocol/vault/operator.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBody } from './read-body.ts';

const read = machineRoutes.readSecret.body;
const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

test.each([
  ['no JSON', bytes('{'), 'request-malformed', { part: 'body' }],
  ['nothing at all', bytes(''), 'request-malformed', { part: 'body' }],
  ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'request-malformed', { part: 'body' }],
  ['no object', bytes('[]'), 'request-field-invalid', { field: 'body' }],
  ['a missing field', bytes('{"secretId":"s","instance":"i"}'), 'request-field-invalid', { field: 'pool' }],
  ['a wrong type', bytes('{"secretId":7,"instance":"i","pool":"p"}'), 'request-field-invalid', { field: 'secretId' }],
  ['a foreign field', bytes('{"secretId":"s","instance":"i","pool":"p","more":1}'), 'request-field-invalid', { field: 'more' }],
  ['more depth than anyone means', bytes('['.repeat(30_000) + ']'.repeat(30_000)), 'request-malformed', { part: 'body' }],
  ['a name twice', bytes('{"secretId":"s","instance":"i","pool":"p","pool":"q"}'), 'request-malformed', { part: 'repeated name' }],
  ['a name twice, spelled in two ways', bytes('{"pool":"\\"","po\\u006fl":"q"}'), 'request-malformed', { part: 'repeated name' }],
  ['a field named by an attacker', bytes('{"secretId":"s","instance":"i","pool":"p","a b\\n":1}'), 'request-field-invalid', { field: '?' }],
])('a body with %s is refused by the name of its field', (_name, body, code, details) => {
  expect(() => readBody(read, body)).toThrow(expect.objectContaining({ code, details }));
});

const fieldsIn = (fields: string): Uint8Array => bytes(`{"projectId":"p","name":"n","fields":${fields}}`);

test.each([
  ['{"__proto__":"canary"}', 'fields'],
  ['{"a":"b","__proto__":"canary"}', 'fields'],
  ['[]', 'fields'],
  ['{"a b":"c"}', 'fields.?'],
  ['{"a":1}', 'fields.a'],
])('fields that could not be kept whole are refused: %s', (fields, field) => {
  for (const { body } of [operatorRoutes.createSecret, operatorRoutes.updateSecret]) {
    const sent = body === operatorRoutes.createSecret.body ? fieldsIn(fields) : bytes(`{"secretId":"s","fields":${fields}}`);
    expect(() => readBody<unknown>(body, sent)).toThrow(expect.objectContaining({ code: 'request-field-invalid', details: { field } }));
  }
});

test('fields with the names of what every object has are kept', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'prototype', '10', '9'];
  const fields = Object.fromEntries(names.map((name) => [name, `of ${name}`]));

  expect(readBody(operatorRoutes.createSecret.body, fieldsIn(JSON.stringify(fields))).fields).toEqual(fields);
});

test('a refusal never repeats the value', () => {
  const body = bytes(JSON.stringify({ projectId: 'p', name: 'n', value: { hidden: 'canary-value' } }));
  const attempt = (): unknown => readBody(operatorRoutes.createSecret.body, body);

  expect(attempt).toThrow(CatalogueError);
  try {
    attempt();
  } catch (error) {
    expect(JSON.stringify(error)).not.toContain('canary');
  }
});

test('any bytes are either read or refused with a code, for every route', () => {
  const schemas = [...Object.values(machineRoutes), ...Object.values(operatorRoutes)].map(({ body }) => body);
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json({ maxDepth: 3 }).map(bytes),
    fc.record({ secretId: fc.anything(), instance: fc.anything(), pool: fc.string(), epoch: fc.anything() }).map((it) => {
      return bytes(JSON.stringify(it, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...schemas), body, (schema, sent) => {
      try {
        readBody<unknown>(schema, sent);
      } catch (error) {
        expect(error).toBeInstanceOf(CatalogueError);
      }
    }),
    { numRuns: 500 },
  );
});
