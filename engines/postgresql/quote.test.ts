import fc from 'fast-check';
import { expect, it } from 'vitest';
import { doBlock, quoteIdentifier, quoteLiteral } from './quote.ts';

it('doubles quotes in names and never deletes them', () => {
  expect(quoteIdentifier('my"role')).toBe('"my""role"');
  expect(quoteLiteral("it's")).toBe("'it''s'");
});

it('refuses what PostgreSQL cannot store', () => {
  expect(() => quoteIdentifier('a\0b')).toThrow(RangeError);
  expect(() => quoteLiteral('a\0b')).toThrow(RangeError);
});

it('keeps every name apart and whole', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes('\0')),
      (name) => {
        const quoted = quoteIdentifier(name);
        expect(quoted.slice(1, -1).replaceAll('""', '"')).toBe(name);
        expect(quoted.slice(1, -1).replaceAll('""', '')).not.toContain('"');
      },
    ),
  );
});

it('chooses a dollar tag that the body does not hold', () => {
  expect(doBlock("x := '$sk$ $sk0$'")).toMatch(/^DO \$sk1\$\n.*\n\$sk1\$$/);
});
