/** What a bench hands back, and how it is shown: a readable table, then one JSON object as the last line. */
import { readFileSync } from 'node:fs';
import { cpus, type as kernelFamily, loadavg } from 'node:os';

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What is promised of this number, in words that a person can compare; null for what stands beside ours. */
  readonly target: string | null;
  /** Whether the promise held in this run; null where there is none. */
  readonly holds: boolean | null;
  /** How the single values lay: "p50 12, p95 15, n 200". */
  readonly spread?: string;
}

export interface BenchOptions {
  /** Short, for a look; the numbers that count come from the full run. */
  readonly quick: boolean;
  /** One line about what is happening, while it takes long. */
  progress(text: string): void;
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  run(options: BenchOptions): Promise<readonly Row[]>;
}

export const atMost = (limit: number, unit: string) => ({ target: `≤ ${limit} ${unit}`.trim(), fits: (value: number) => value <= limit });
export const atLeast = (limit: number, unit: string) => ({ target: `≥ ${limit} ${unit}`.trim(), fits: (value: number) => value >= limit });
export const exactly = (wanted: number) => ({ target: `${wanted}`, fits: (value: number) => value === wanted });

export function promised(name: string, value: number, unit: string, promise: ReturnType<typeof atMost>, spread?: string): Row {
  return { name, value, unit, target: promise.target, holds: promise.fits(value), ...(spread === undefined ? {} : { spread }) };
}

export function beside(name: string, value: number, unit: string, spread?: string): Row {
  return { name, value, unit, target: null, holds: null, ...(spread === undefined ? {} : { spread }) };
}

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.name, `${round(row.value)} ${row.unit}`, row.target ?? '', verdict(row), row.spread ?? '']);
  const all = [['', 'measured', 'target', '', 'spread'], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function verdict(row: Row): string {
  if (row.holds === null) return '';
  return row.holds ? '✓ holds' : '✗ missed';
}

/** `loadBefore`: of the machine, before the bench began (`machineLoad`). */
export function formatJson(bench: string, rows: readonly Row[], loadBefore: number): string {
  const shown = rows.map((row) => ({ ...row, value: round(row.value) }));
  return JSON.stringify({ bench, rows: shown, machine: { ...describeMachine(), loadBefore } });
}

/** How many programs wanted a core in the last minute. */
export function machineLoad(): number {
  return round(loadavg()[0] ?? 0);
}

/** A sentence where others were at work, since times then say more about them than about us; null on a quiet machine. */
export function describeDisturbance(loadBefore: number): string | null {
  const cores = cpus().length;
  return loadBefore > cores / 2
    ? `The machine was busy before this run (load ${loadBefore} on ${cores} cores): times are worse than on a quiet one.`
    : null;
}

/** Three significant digits, whole numbers as they are. */
function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3));
}

/** Enough to compare runs, nothing that names the machine. */
function describeMachine(): { readonly cores: number; readonly node: string; readonly kernel: string; readonly processor: string } {
  const processor = /^model name\s*:\s*(.+)$/m.exec(readProcessors())?.[1] ?? cpus()[0]?.model ?? 'unknown';
  return { cores: cpus().length, node: process.version, kernel: kernelFamily(), processor };
}

function readProcessors(): string {
  return kernelFamily() === 'Linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
}
