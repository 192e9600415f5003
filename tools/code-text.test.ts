import { expect, test } from 'vitest';
import { lineAt, separateCode } from './code-text.ts';

const codeOf = (source: string): string => separateCode(source).code.replaceAll(/ +/g, ' ').trim();

test.each([
  ['a comment to the end of the line', 'a; // process.exit()\nb', 'a; \nb'],
  ['a comment over lines', 'a /* process\n.exit() */ b', 'a \n b'],
  ['a string with an escaped quote', String.raw`a = 'it\'s process.exit'; b`, "a = ' '; b"],
  ['a template with code inside', 'a = `process.env ${process.env.X} end`; b', 'a = ` ${process.env.X} `; b'],
  ['a template inside a template', '`a ${b ? `c ${d} e` : { f: 1 }} g`; h', '` ${b ? ` ${d} ` : { f: 1 }} `; h'],
  ['a regular expression that holds a quote', "a.replace(/['\"`]/g, ''); b", "a.replace(/ /g, ''); b"],
  ['a slash inside a class of a regular expression', 'return /[/]x/.test(a); b', 'return / /.test(a); b'],
])('blanks %s', (_name, source, expected) => {
  expect(codeOf(source)).toBe(expected);
});

test('takes a slash after a value for a division', () => {
  expect(codeOf("a = b / c; d = 'x' / 2; e = (f) / g")).toBe("a = b / c; d = ' ' / 2; e = (f) / g");
});

test('recovers at the end of the line from an apostrophe in the text of an element', () => {
  expect(codeOf("<Text>don't</Text>;\nprocess.exit()")).toContain('process.exit()');
});

test('keeps the length and the lines, so that offsets fit the source', () => {
  const source = "a; // é 🙂 note\nconst b = `x\ny`; 'z'; c";

  const { code } = separateCode(source);

  expect(code.length).toBe(source.length);
  expect(lineAt(code, code.indexOf('c', code.indexOf('b')))).toBe(3);
});
