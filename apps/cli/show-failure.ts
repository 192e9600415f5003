/** A failure on stderr: the catalogue's words and the remedy, or one JSON object; answers with the exit code. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { DaemonError, type ErrorDetails } from '@sikkerkey/ui-shared/client/daemon-error.ts';
import { errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import type { Terminal } from './terminal.ts';

/** `typed`: what the command line named, for remedies whose error does not name it. */
export function showFailure(error: unknown, json: boolean, terminal: Terminal, typed: ErrorDetails = {}): number {
  const { code, details } = codeOf(error);
  const words = wordsForError(code, { ...typed, ...details });
  if (json) {
    terminal.complain(JSON.stringify({ error: { ...words, details } }));
    return words.exit;
  }
  const [first = '', ...rest] = errorLines(words, terminal.complaintColumns);
  for (const line of [...wrapWords(`error: ${first}`, terminal.complaintColumns, 2), ...rest]) terminal.complain(line);
  return words.exit;
}

function codeOf(error: unknown): { code: string; details: ErrorDetails } {
  if (error instanceof DaemonError || error instanceof CatalogueError) return { code: error.code, details: error.details };
  return { code: 'front-end-failed', details: { kind: error instanceof Error ? error.name : typeof error } };
}
