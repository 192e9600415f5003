/** Failures of the console itself in the catalogue's words. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { DaemonError } from '@sikkerkey/ui-shared/client/daemon-error.ts';
import { type ErrorWords, errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';

export function describeFault(error: unknown): readonly string[] {
  const [first = '', ...rest] = errorLines(wordsOf(error));
  return [`error: ${first}`, ...rest];
}

export function exitCodeOf(error: unknown): number {
  return wordsOf(error).exit;
}

function wordsOf(error: unknown): ErrorWords {
  if (error instanceof DaemonError || error instanceof CatalogueError) return wordsForError(error.code, error.details);
  return wordsForError('front-end-failed', { kind: error instanceof Error ? error.name : typeof error });
}
