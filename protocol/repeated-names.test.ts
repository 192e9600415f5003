import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasRepeatedName } from './repeated-names.ts';

const judge = (text: string): boolean => hasRepeatedName(text, JSON.parse(text));

test.each([
  ['{"a":"1","a":"2"}', true],
  ['{"a":1,"\\u0061":1}', true],
  ['{"x":{"a":"1","a":"1"}}', true],
  ['[{"a":1},{"a":1}]', false],
  ['{"a":"\\"","b":"\\\\","c":"{\\"a\\":1,\\"a\\":1}"}', false],
  ['{"__proto__":"1","constructor":"2"}', false],
  ['7', false],
])('%s: %s', (text, expected) => {
  expect(judge(text)).toBe(expected);
});

test('whatever was written from a value has no name twice', () => {
  fc.assert(
    fc.property(fc.json({ depthSize: 'large' }), (text) => {
      expect(judge(text)).toBe(false);
    }),
  );
});
