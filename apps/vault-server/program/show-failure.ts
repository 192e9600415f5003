/** The words of a failure for the person at the terminal, from the catalogue. */
import { UnsafePath } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import type { CatalogueEntry } from '@sikkerkey/protocol/errors/entry.ts';
import { filledRemedy } from '@sikkerkey/protocol/errors/remedy.ts';
import { fitted } from './fitted-text.ts';

export interface ShownFailure {
  readonly text: string;
  readonly exitCode: number;
}

export interface ShownFor {
  /** Fills the remedies that name the data directory; null where none was given. */
  readonly dataDirectory: string | null;
  /** Width of the terminal, or null for lines of any length. */
  readonly cells: number | null;
}

/** Unexpected failures are named by their system code or class alone: their messages may quote input. */
export function describeFailure(thrown: unknown, { dataDirectory, cells }: ShownFor): ShownFailure {
  const error = thrown instanceof UnsafePath ? unsafe(thrown) : thrown;
  if (error instanceof CatalogueError) {
    const failure: CatalogueError = error;
    const entry: CatalogueEntry = errorCatalogue[failure.code];
    const remedy = filledRemedy(entry, { ...failure.details, ...(dataDirectory === null ? {} : { dataDirectory }) }, (text) => text);
    const lines = [
      ...fitted(`error: ${entry.title} (${failure.code})`, cells, 2),
      ...fitted(`  what happened: ${filled(entry.whatHappened, failure.details)}`, cells, 17),
      ...fitted(`  still works:   ${entry.stillWorks}`, cells, 17),
      // A command is left to the terminal to break, so that it can be copied whole.
      ...(remedy === null ? [] : [`  next step:     ${remedy}`]),
    ];
    return { text: lines.join('\n'), exitCode: entry.exit };
  }
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  const name = typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
  return { text: `error: unexpected failure (${name})`, exitCode: 1 };
}

function unsafe(cause: UnsafePath): CatalogueError {
  return new CatalogueError('vault-path-unsafe', { path: cause.path, why: cause.why }, { cause });
}

function filled(text: string, details: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole));
}
