/** Where the benches write: results to standard output, progress to standard error. */

export function writeLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function showProgress(text: string): void {
  process.stderr.write(`… ${text}\n`);
}
