/** The words of a failure for the person at the terminal, from the catalogue. */
import { UnsafePath } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import type { CatalogueEntry } from '@sikkerkey/protocol/errors/entry.ts';

export interface ShownFailure {
  readonly text: string;
  readonly exitCode: number;
}

/** Unexpected failures are named by their system code or class alone: their messages may quote input. */
export function describeFailure(error: unknown): ShownFailure {
  if (error instanceof CatalogueError) {
    const failure: CatalogueError = error;
    const entry: CatalogueEntry = errorCatalogue[failure.code];
    const next = entry.remedy === null ? [] : [`  next: ${entry.remedy}`];
    const lines = [`error: ${entry.title}`, `  ${filled(entry.whatHappened, failure.details)}`, `  ${entry.stillWorks}`, ...next];
    return { text: lines.join('\n'), exitCode: entry.exit };
  }
  if (error instanceof UnsafePath) return { text: `error: unsafe path (${error.why}): ${error.path}`, exitCode: 1 };
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  const name = typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
  return { text: `error: unexpected failure (${name})`, exitCode: 1 };
}

function filled(text: string, details: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole));
}
