/**
 * Calls that reach for the process, the clock or the terminal have one owner each, so that everything else can be run
 * with a clock and an environment of the caller's choosing. A row: what is owned, by which files, and why.
 */
import { lineAt, separateCode } from './code-text.ts';
import type { SourceFile } from './source-files.ts';

export interface OwnedCall {
  readonly call: string;
  readonly pattern: RegExp;
  /** Paths, or folders ending in a slash. */
  readonly owners: readonly string[];
  readonly because: string;
}

/** Runs on any Node before anything of ours is loaded, so nothing of ours can be used there. */
const beforeTheProduct = ['tools/bootstrap.mjs', 'tools/launchers/'];

export const ownedCalls: readonly OwnedCall[] = [
  {
    call: 'process.env',
    pattern: /\bprocess\s*\.\s*env\b/g,
    owners: ['host/environment.ts', ...beforeTheProduct],
    because: 'settings are read once, by name; children get an environment that is made for them',
  },
  {
    call: 'process.exit',
    pattern: /\bprocess\s*\.\s*(exit|exitCode|abort|reallyExit)\b/g,
    owners: ['host/process-end.ts', ...beforeTheProduct],
    because: 'a part that ends the process takes everybody’s unfinished work with it',
  },
  {
    call: 'Date.now',
    pattern: /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|\bperformance\s*\.\s*(now|timeOrigin)\b|\bprocess\s*\.\s*hrtime\b/g,
    owners: ['host/system-clock.ts', ...beforeTheProduct],
    because: 'the clock is passed in, so that tests steer it',
  },
  {
    call: 'setTimeout',
    pattern: /(?<![.\w])(setTimeout|setInterval)\b|\bnode:timers\b/g,
    owners: ['host/system-clock.ts', ...beforeTheProduct],
    because: 'waiting goes through the clock: no test sleeps for real, and every wait can be aborted',
  },
  {
    call: 'Math.random',
    pattern: /\bMath\s*\.\s*random\b/g,
    owners: [],
    because: 'randomness is passed in, and is cryptographic where it comes from host',
  },
  {
    call: 'console',
    pattern: /(?<![.\w])console\s*\./g,
    owners: [],
    because: 'a program has one file that writes to its terminal, and a log for the rest',
  },
];

/** The streams of the process: one file of each program owns them. */
const terminal = /\bprocess\s*\.\s*(stdout|stderr|stdin)\b/g;

/** Every breach as one line, `path:line: sentence`. */
export function checkOwnedCalls(files: readonly SourceFile[], rows: readonly OwnedCall[] = ownedCalls): string[] {
  const separated = files.map((file) => ({ ...file, code: separateCode(file.text).code }));
  const breaches = separated.flatMap((file) =>
    rows
      .filter((row) => !owns(row.owners, file.path))
      .flatMap((row) =>
        [...file.code.matchAll(row.pattern)].map(
          (match) => `${file.path}:${lineAt(file.code, match.index)}: ${row.call} belongs to ${row.owners[0] ?? 'nobody'}: ${row.because}`,
        ),
      ),
  );
  const stale = rows.flatMap((row) =>
    row.owners
      .filter((owner) => !files.some((file) => owns([owner], file.path)))
      .map((owner) => `owned-calls.ts: ${owner} owns ${row.call} and does not exist`),
  );
  return [...breaches, ...stale, ...checkTerminals(separated)];
}

function owns(owners: readonly string[], path: string): boolean {
  return owners.some((owner) => (owner.endsWith('/') ? path.startsWith(owner) : path === owner));
}

/** An entry may have to refuse an old Node before it can load the file that owns the terminal. */
const isEntry = (path: string): boolean => /(^|\/)main\.tsx?$/.test(path);

/** A program is a workspace; the tools are one as well. What runs before the product writes for itself. */
function checkTerminals(files: readonly { readonly path: string; readonly code: string }[]): string[] {
  const byProgram = new Map<string, string[]>();
  for (const file of files) {
    if (file.code.search(terminal) === -1 || owns(beforeTheProduct, file.path) || isEntry(file.path)) continue;
    const program = file.path
      .split('/')
      .slice(0, file.path.startsWith('apps/') ? 2 : 1)
      .join('/');
    byProgram.set(program, [...(byProgram.get(program) ?? []), file.path]);
  }
  return [...byProgram]
    .filter(([program, paths]) => paths.length > 1 && program !== 'test')
    .map(([program, paths]) => `${program}: ${paths.join(', ')} all touch the process's streams; one file of a program owns them`);
}
