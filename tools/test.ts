/**
 * `npm test [section …]`: the checks, then every section of the tests, each with its time. The last line is
 * `N passed, N failed` (and `, N skipped`); the exit code is 1 when anything failed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { setExitCode } from '@sikkerkey/host/process-end.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { localProgram, run } from './run.ts';
import { runChecks } from './run-checks.ts';
import { formatDuration, writeLine } from './terminal.ts';
import { countMissingAsFailed, readSection, type SectionResult, summaryLine } from './test-report.ts';
import { testSections } from './test-sections.ts';

interface Done extends SectionResult {
  readonly title: string;
  readonly ms: number;
}

async function runSection(name: string, reportFile: string): Promise<SectionResult> {
  const args = [
    'run',
    '--project',
    name,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    '--passWithNoTests',
    '--silent=passed-only',
  ];
  const ended = await run(localProgram('vitest'), args, { show: true });
  const result = readSection(reportFile, ended.code);
  return readEnvironment().continuousIntegration ? countMissingAsFailed(result) : result;
}

async function checkSection(): Promise<SectionResult> {
  const { passed, failed } = await runChecks();
  return { passed, failed, skipped: 0, skippedNames: [], failures: [] };
}

function printSummary(sections: readonly Done[]): void {
  writeLine();
  for (const section of sections) {
    writeLine(
      `${section.failed === 0 ? '✓' : '✗'} ${section.title.padEnd(24)} ${summaryLine(section).padEnd(36)} ${formatDuration(section.ms)}`,
    );
    for (const failure of section.failures) writeLine(`    failed: ${failure.replaceAll('\n', '\n        ')}`);
  }
  const skipped = sections.flatMap((section) => section.skippedNames);
  if (skipped.length > 0)
    writeLine(`\nNOT RUN (in continuous integration what is missing is a failure):\n${skipped.map((name) => `    ${name}`).join('\n')}`);
  const sum = (key: 'passed' | 'failed' | 'skipped'): number => sections.reduce((total, section) => total + section[key], 0);
  const totals = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
  if (totals.failed > 0) setExitCode(1);
  writeLine();
  writeLine(summaryLine(totals));
}

async function main(wanted: readonly string[]): Promise<void> {
  const known = ['check', ...testSections.map((section) => section.name)];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    writeLine(`error: there is no section ${unknown}; the sections are ${known.join(', ')}`);
    setExitCode(2);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'sikkerkey-test-'));
  const done: Done[] = [];
  try {
    for (const { name, title } of [{ name: 'check', title: 'Check' }, ...testSections]) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      writeLine(`\n━━ ${title} ━━`);
      const started = systemClock.monotonic();
      const result = name === 'check' ? await checkSection() : await runSection(name, join(directory, `${name}.json`));
      done.push({ ...result, title, ms: systemClock.monotonic() - started });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  printSummary(done);
}

await main(process.argv.slice(2));
