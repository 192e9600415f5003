/** The flags of the demo. Pure: what is wrong comes back as the text to show. */
import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly minutes: number;
  readonly everySeconds: number;
  readonly json: boolean;
}

export type ParsedCommandLine =
  | { readonly kind: 'run'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly reason: string };

export const usage = `Usage: npm run demo -- [--minutes N] [--every SECONDS] [--json]

Starts a PostgreSQL, a vault, a daemon and a sample application on this machine, and
rotates the application's database login again and again while it works.

  --minutes N      how long it runs (default 2, up to 600; fractions allowed)
  --every SECONDS  time between two rotations (default 5, from 0.5 to 3600)
  --json           the last line of the output is the report as one JSON object
  --help           this text

Ends by itself or with Ctrl-C, then prints a report. The exit code is 0 only if no login failed.`;

export function parseCommandLine(args: readonly string[]): ParsedCommandLine {
  let values: { minutes?: string; every?: string; json?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { minutes: { type: 'string' }, every: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
      strict: true,
      allowPositionals: false,
    }));
  } catch {
    return { kind: 'wrong', reason: 'there is a word or a flag that the demo does not know, or a flag without its value' };
  }
  if (values.help === true) return { kind: 'help' };
  const minutes = numberBetween(values.minutes ?? '2', 0.05, 600);
  if (minutes === null) return { kind: 'wrong', reason: '--minutes must be a number from 0.05 to 600' };
  const everySeconds = numberBetween(values.every ?? '5', 0.5, 3600);
  if (everySeconds === null) return { kind: 'wrong', reason: '--every must be a number of seconds from 0.5 to 3600' };
  return { kind: 'run', options: { minutes, everySeconds, json: values.json ?? false } };
}

function numberBetween(text: string, least: number, most: number): number | null {
  if (!/^\d+(\.\d+)?$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= most ? value : null;
}
