/** What is said when the daemon cannot start: the catalogue's words, never a stack; returns the exit code. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type ErrorCode, errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';

export function showStartFailure(error: unknown, write: (text: string) => void): number {
  if (!(error instanceof CatalogueError)) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    write(`error: the daemon could not start (${code})\n`);
    return 1;
  }
  const code: ErrorCode = error.code;
  const entry = errorCatalogue[code];
  const facts: Readonly<Record<string, string | number>> = error.details;
  const filled = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(facts[name] ?? whole));
  write(`error: ${entry.title} (${code})\n  ${filled(entry.whatHappened)}\n  ${filled(entry.stillWorks)}\n`);
  if (entry.remedy !== null) write(`  try: ${filled(entry.remedy)}\n`);
  return entry.exit;
}
