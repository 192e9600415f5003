import { expect, test } from 'vitest';
import { checkImports, type Manifest, type Repository, type Table } from './import-rules.ts';
import type { Row } from './import-table.ts';

const ground: Row = { folder: 'ground', holds: 'facts', mayImport: [], builtins: [], packages: [], bans: { 'node:*': 'it is pure' } };
const upper: Row = {
  folder: 'upper',
  holds: 'work',
  mayImport: ['ground'],
  builtins: ['crypto'],
  packages: ['pg'],
  bans: { ink: 'it draws nothing' },
};
const tableOf = (...rows: Row[]): Table => ({ rows, importedByNobody: {}, rootFiles: {}, computedImports: {} });

function makeRepository(files: Record<string, string>, dependencies: Record<string, string[]> = {}): Repository {
  const manifest = (folder: string): Manifest => ({ name: `@sikkerkey/${folder}`, dependencies: dependencies[folder] ?? [] });
  const folders = [...new Set(Object.keys(files).map((path) => path.split('/')[0] ?? ''))];
  return {
    files: Object.entries(files).map(([path, text]) => ({ path, text })),
    manifests: new Map(folders.map((folder) => [folder, manifest(folder)])),
  };
}

const upperUsesGround = { upper: ['@sikkerkey/ground', 'pg'] };
const usesPg = "import { Pool } from 'pg';\n";

test('accepts what the rows name', () => {
  const repository = makeRepository(
    {
      'ground/a.ts': '',
      'upper/b.ts': `${usesPg}import '@sikkerkey/ground/a.ts'; import 'node:crypto'; import './c.ts';`,
      'upper/c.ts': '',
    },
    upperUsesGround,
  );

  expect(checkImports(repository, tableOf(ground, upper))).toEqual([]);
});

test.each([
  ['a type import upwards', 'ground/a.ts', "import type { B } from '@sikkerkey/upper/b.ts';", 'ground must not import upper/b.ts'],
  ['a dynamic import upwards', 'ground/a.ts', "await import('@sikkerkey/upper/b.ts');", 'ground must not import upper/b.ts'],
  ['a built-in module, with the reason', 'ground/a.ts', "import 'node:fs';", 'ground must not import node:fs: it is pure'],
  ['a part of a built-in module', 'upper/b.ts', "import 'node:fs/promises';", 'upper must not import node:fs/promises'],
  ['a package, with the reason', 'upper/b.ts', "import 'ink';", 'upper must not import ink: it draws nothing'],
  ['a relative path into another folder', 'upper/b.ts', "import '../ground/a.ts';", 'use the package name'],
  ['its own folder by the name of the package', 'upper/b.ts', "import '@sikkerkey/upper/c.ts';", 'use a relative path'],
  ['a file that is not there', 'upper/b.ts', "import './gone.ts';", '"./gone.ts" does not exist'],
  ['test code', 'upper/b.ts', "import './d.test.ts';", 'imports test code'],
  ['a computed name', 'upper/b.ts', 'await import(name);', 'import of a computed name'],
])('refuses %s', (_name, path, source, expected) => {
  const files = { 'ground/a.ts': '', 'upper/b.ts': '', 'upper/c.ts': '', 'upper/d.test.ts': '' };

  const problems = checkImports(makeRepository({ ...files, [path]: source }, upperUsesGround), tableOf(ground, upper));

  expect(problems.filter((problem) => problem.startsWith(`${path}:1: `)).join('\n')).toContain(expected);
});

test('lets a test import anything', () => {
  const repository = makeRepository({ 'ground/a.ts': '', 'ground/a.test.ts': "import 'node:fs'; import 'vitest'; import './a.ts';" });

  expect(checkImports(repository, tableOf(ground))).toEqual([]);
});

test('allows a part of a folder without the rest of it', () => {
  const row = { ...upper, packages: [], mayImport: ['ground/part'] };
  const files = {
    'ground/part/a.ts': '',
    'ground/rest.ts': '',
    'upper/b.ts': "import '@sikkerkey/ground/part/a.ts';\nimport '@sikkerkey/ground/rest.ts';",
  };

  const problems = checkImports(makeRepository(files, { upper: ['@sikkerkey/ground'] }), tableOf(ground, row));

  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('upper/b.ts:2: upper must not import ground/rest.ts');
});

test('reports files that import each other in a circle, types included', () => {
  const files = {
    'ground/a.ts': "import { b } from './b.ts';",
    'ground/b.ts': "import type { C } from './c.ts';",
    'ground/c.ts': "import './a.ts';",
  };

  expect(checkImports(makeRepository(files), tableOf(ground))).toEqual([
    'ground/a.ts: files import each other in a circle: ground/a.ts → ground/b.ts → ground/c.ts → ground/a.ts',
  ]);
});

test('reports a folder without a row', () => {
  expect(checkImports(makeRepository({ 'attic/a.ts': '' }), tableOf())).toEqual([
    'attic/a.ts: no row of the import table speaks of this folder',
  ]);
});

test('reports rows about folders and packages that are not there', () => {
  const problems = checkImports(makeRepository({ 'upper/b.ts': '' }), tableOf(ground, upper));

  expect(problems).toContain('import-table.ts: there is no folder ground');
  expect(problems).toContain('import-table.ts: upper may import ground, which does not exist');
  expect(problems).toContain('import-table.ts: upper may import pg, which its package.json does not declare');
});

test('reports packages that are used and not declared, and declared and not used', () => {
  const repository = makeRepository({ 'ground/a.ts': '', 'upper/b.ts': usesPg }, { upper: ['zod'] });

  const problems = checkImports(repository, tableOf(ground, upper));

  expect(problems).toContain('upper/package.json: pg is imported and not declared');
  expect(problems).toContain('upper/package.json: zod is declared and not imported');
});

test('allows a package for its types only, and then it need not be declared', () => {
  const row: Row = { ...upper, packages: [], typePackages: { pg: 'types' } };
  const check = (text: string): string[] => checkImports(makeRepository({ 'ground/a.ts': '', 'upper/b.ts': text }), tableOf(ground, row));

  expect(check("import type { Pool } from 'pg';")).toEqual([]);
  expect(check("import { Pool } from 'pg';").join('\n')).toContain('upper must not import pg');
});

test('lets a file of development use what the root declares', () => {
  const row: Row = { ...upper, packages: [], developmentFiles: { 'upper/run.ts': 'bundles' } };
  const check = (path: string): string[] =>
    checkImports(makeRepository({ 'ground/a.ts': '', [path]: "import { build } from 'esbuild';" }), tableOf(ground, row));

  expect(check('upper/run.ts')).toEqual([]);
  expect(check('upper/main.ts').join('\n')).toContain('upper must not import esbuild');
});
