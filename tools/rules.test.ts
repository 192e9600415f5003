import { expect, test } from 'vitest';
import { findCycles } from './cycles.ts';
import { checkFileLengths } from './file-lengths.ts';
import { checkNamedFiles } from './named-files.ts';
import { checkOwnedCalls, ownedCalls } from './owned-calls.ts';

const lines = (amount: number): string => 'x;\n'.repeat(amount);
const owners = ownedCalls
  .flatMap((row) => row.owners)
  .map((owner) => ({ path: owner.endsWith('/') ? `${owner}first.cjs` : owner, text: '' }));

test.each([
  ['process.env', 'const a = process.env.HOME;'],
  ['process.exit', 'process.exit(1);'],
  ['process.exit', 'process.exitCode = 1;'],
  ['Date.now', 'const a = Date.now();'],
  ['Date.now', 'const a = new Date();'],
  ['Date.now', 'performance.now();'],
  ['setTimeout', 'setTimeout(f, 1);'],
  ['setTimeout', "import { setTimeout } from 'node:timers/promises';"],
  ['Math.random', 'Math.random();'],
  ['console', "console.log('x');"],
])('keeps %s with its owner: %s', (call, text) => {
  const problems = checkOwnedCalls([...owners, { path: 'core/a.ts', text }]);

  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(`core/a.ts:1: ${call} belongs to`);
});

test.each([
  ['a date that is given', 'new Date(instant);'],
  ['a method of the same name', 'clock.setTimeout(1);'],
  ['a word in a comment', '// process.exit() is elsewhere'],
  ['a word in a text', "const a = 'Date.now()';"],
])('lets %s pass', (_name, text) => {
  expect(checkOwnedCalls([...owners, { path: 'core/a.ts', text }])).toEqual([]);
});

test('lets one file of a program own the terminal, and not two', () => {
  const first = { path: 'apps/cli/terminal.ts', text: 'process.stdout.write(a);' };
  const second = { path: 'apps/cli/commands/list.ts', text: 'process.stderr.write(a);' };

  expect(checkOwnedCalls([...owners, first])).toEqual([]);
  expect(checkOwnedCalls([...owners, first, second])).toHaveLength(1);
});

test('reports an owner that is gone', () => {
  const problems = checkOwnedCalls([], [{ call: 'f', pattern: /f/g, owners: ['host/f.ts'], because: 'it is his' }]);

  expect(problems).toEqual(['owned-calls.ts: host/f.ts owns f and does not exist']);
});

test('wants a reason above 300 lines, a split above 500, and a short composition root', () => {
  const files = [
    { path: 'a.ts', text: lines(300) },
    { path: 'b.ts', text: lines(301) },
    { path: 'c.ts', text: lines(301) },
    { path: 'd.ts', text: lines(501) },
    { path: 'daemon/compose.ts', text: lines(151) },
  ];

  const problems = checkFileLengths(files, { 'c.ts': 'one table', 'd.ts': 'one table' });

  expect(problems.map((problem) => problem.split(':')[0])).toEqual(['b.ts', 'd.ts', 'daemon/compose.ts']);
});

test('reports a reason that is needed no more', () => {
  expect(checkFileLengths([{ path: 'a.ts', text: lines(10) }], { 'a.ts': 'one table' })).toEqual([
    'file-lengths.ts: a.ts needs no reason any more',
  ]);
});

test('finds each cycle once, and a file that names itself', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a']],
    ['d', ['d']],
    ['e', ['a']],
  ]);

  expect(findCycles(graph)).toEqual([['a', 'b', 'c'], ['d']]);
});

test('finds a file that a page names and that is not there', () => {
  const read = (page: string): string => (page === 'README.md' ? 'see `core/gone.ts`, `core/here.ts`, `dist/bin/` and `npm run x`' : '');

  expect(checkNamedFiles(read, (path) => path === 'core/here.ts')).toEqual(['README.md: core/gone.ts does not exist']);
});
