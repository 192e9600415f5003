/** Runs the checks one after the other and prints what each found. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { checks } from './checks.ts';
import { formatDuration, writeLine } from './terminal.ts';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export async function runChecks(): Promise<Tally> {
  let failed = 0;
  for (const check of checks) {
    const started = systemClock.monotonic();
    const found = await check.run();
    const took = formatDuration(systemClock.monotonic() - started);
    writeLine(`${found === '' ? '✓' : '✗'} ${check.name} (${took})`);
    if (found === '') continue;
    failed += 1;
    writeLine(found.replaceAll(/^/gm, '    '));
  }
  return { passed: checks.length - failed, failed };
}
