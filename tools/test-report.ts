/** Reads what vitest says of one section and counts it by our own rules: what could not run is never silently good. */
import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod';

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).default([]) })),
    }),
  ),
});

export interface SectionResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Names of what was skipped, with their files. */
  readonly skippedNames: readonly string[];
  /** What failed, each with its reason: tests, a file that could not be loaded, an error outside of any test, no test at all. */
  readonly failures: readonly string[];
}

/** Tests that only `SLOW=1` runs say so in their names; leaving them out is no failure anywhere. */
const isSlow = (name: string): boolean => name.includes('SLOW=1');

/** Lines of a reason that are shown: an assertion with its difference or what programs told, and where it stands. */
const REASON_LINES = 60;

const reasonOf = (messages: readonly string[]): string =>
  messages
    .flatMap((message) => message.split('\n'))
    .filter((line) => !line.includes('node_modules'))
    .slice(0, REASON_LINES)
    .join('\n');

/**
 * `exitCode` is vitest's own: when it failed although every test passed (an unhandled rejection, a leaked worker), that
 * counts as one failure.
 */
export function readSection(reportFile: string, exitCode: number): SectionResult {
  if (!existsSync(reportFile)) return { passed: 0, failed: 1, skipped: 0, skippedNames: [], failures: ['vitest left no report'] };
  const { testResults } = report.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
  const tests = testResults.flatMap((file) => file.assertionResults.map((one) => ({ ...one, file: file.name })));
  const passed = tests.filter((one) => one.status === 'passed').length;
  const failedTests = tests
    .filter((one) => one.status === 'failed')
    .map((one) => `${one.file}: ${one.fullName}\n${reasonOf(one.failureMessages)}`);
  const skippedNames = tests
    .filter((one) => one.status !== 'passed' && one.status !== 'failed')
    .map((one) => `${one.file}: ${one.fullName}`);
  const brokenFiles = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((one) => one.status !== 'failed'),
  );
  const failures = [...failedTests, ...brokenFiles.map((file) => `${file.name}: ${reasonOf([file.message ?? 'could not be run'])}`)];
  if (tests.length === 0 && failures.length === 0) failures.push('there is no test in this section');
  if (exitCode !== 0 && failures.length === 0) failures.push(`vitest ended with ${exitCode} although every test passed`);
  return { passed, failed: failures.length, skipped: skippedNames.length, skippedNames, failures };
}

/** In continuous integration what was skipped for want of a server or of Python is a failure. */
export function countMissingAsFailed(result: SectionResult): SectionResult {
  const missing = result.skippedNames.filter((name) => !isSlow(name));
  return { ...result, failed: result.failed + missing.length, skipped: result.skipped - missing.length };
}

/** The last line of `npm test`. */
export function summaryLine(totals: { readonly passed: number; readonly failed: number; readonly skipped: number }): string {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`;
}
