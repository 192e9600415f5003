import { expect, test } from 'vitest';
import { findImports } from './imports.ts';

const specifiers = (source: string): string[] => findImports(source).imports.map((one) => one.specifier);

test.each([
  ['a default import', "import a from 'x';"],
  ['named imports over several lines', "import {\n  a,\n  type B,\n} from 'x';"],
  ['a namespace import', "import * as z from 'x';"],
  ['a type import', "import type { A } from 'x';"],
  ['an import for its side effect', "import 'x';"],
  ['a dynamic import', "const a = await import('x');"],
  ['the type of a module', "let a: import('x').A;"],
  ['a re-export of names', "export { a, type B } from 'x';"],
  ['a re-export of types', "export type { A } from 'x';"],
  ['a re-export of all', "export * from 'x';"],
  ['a re-export under a name', "export * as a from 'x';"],
  ['require', "const a = require('x');"],
  ['double quotes', 'import a from "x";'],
])('finds %s', (_name, source) => {
  expect(specifiers(source)).toEqual(['x']);
});

test.each([
  ['a comment', "// import a from 'x';"],
  ['a string', `const a = "import b from 'x'";`],
  ['a template', "const a = `import b from 'x'`;"],
  ['Array.from', "export const a = Array.from('x');"],
])('finds nothing in %s', (_name, source) => {
  expect(specifiers(source)).toEqual([]);
});

test('tells the line of an import', () => {
  expect(findImports("// first\nimport a from 'x';\nimport b from 'y';").imports.map((one) => one.line)).toEqual([2, 3]);
});

test.each(['await import(name);', "require('../' + name);", 'import(`./${name}.ts`);'])(
  'reports that the name is computed in %s',
  (source) => {
    expect(findImports(`const a = 1;\n${source}`)).toEqual({ imports: [], computed: [2] });
  },
);

test('tells imports that are gone when the program runs', () => {
  const { imports } = findImports("import type { A } from 'x';\nexport type { B } from 'y';\nimport { type C, d } from 'z';");

  expect(imports.map((one) => one.typeOnly)).toEqual([true, true, false]);
});
