/** Where the tools write. The only file here that touches the process's output. */

export function writeLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** 1234 → `1.2 s`; 61000 → `1 min 1 s`. */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
