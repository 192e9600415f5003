import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { countMissingAsFailed, readSection, summaryLine } from './test-report.ts';

const directory = mkdtempSync(join(tmpdir(), 'sikkerkey-report-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function makeReport(...statuses: { readonly name: string; readonly status: string }[]): string {
  const file = join(directory, 'report.json');
  const assertionResults = statuses.map(({ name, status }) => ({ fullName: name, status }));
  writeFileSync(file, JSON.stringify({ testResults: [{ name: 'a.test.ts', status: 'passed', assertionResults }] }));
  return file;
}

test('counts passed, failed and skipped tests', () => {
  const file = makeReport({ name: 'a', status: 'passed' }, { name: 'b', status: 'failed' }, { name: 'c', status: 'skipped' });

  expect(readSection(file, 1)).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
});

test('says again at the end which test failed, and why', () => {
  const file = join(directory, 'failed.json');
  const failureMessages = ['expected 1 to be 2\n    at a.test.ts:3\n    at node_modules/vitest/run.js:1'];
  const assertionResults = [{ fullName: 'adds', status: 'failed', failureMessages }];
  writeFileSync(file, JSON.stringify({ testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults }] }));

  expect(readSection(file, 1).failures).toEqual(['a.test.ts: adds\nexpected 1 to be 2\n    at a.test.ts:3']);
});

test('counts a run that failed outside of its tests', () => {
  expect(readSection(makeReport({ name: 'a', status: 'passed' }), 1)).toMatchObject({ passed: 1, failed: 1 });
});

test('counts a file that could not be loaded', () => {
  const file = join(directory, 'broken.json');
  writeFileSync(
    file,
    JSON.stringify({ testResults: [{ name: 'b.test.ts', status: 'failed', message: 'no such module', assertionResults: [] }] }),
  );

  expect(readSection(file, 1)).toMatchObject({ failed: 1, failures: ['b.test.ts: no such module'] });
});

test('counts a section without tests, or without a report, as failed', () => {
  expect(readSection(makeReport(), 0).failed).toBe(1);
  expect(readSection(join(directory, 'gone.json'), 0).failed).toBe(1);
});

test('counts what is missing as failed in continuous integration, but not what only SLOW=1 runs', () => {
  const result = readSection(
    makeReport({ name: 'on PostgreSQL 13', status: 'skipped' }, { name: 'all faults (SLOW=1)', status: 'skipped' }),
    0,
  );

  expect(countMissingAsFailed(result)).toMatchObject({ failed: 1, skipped: 1 });
});

test('ends in one line that names what was skipped only when something was', () => {
  expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
  expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
});
