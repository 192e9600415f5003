/**
 * The words of every expected failure, made from the catalogue: what happened, what still works, who must act, the next
 * step. All surfaces print these; none writes its own.
 */

import { errorCatalogue, isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import type { CatalogueEntry, ExitCode, WhoMustAct } from '@sikkerkey/protocol/errors/entry.ts';
import type { ErrorDetails } from '../client/daemon-error.ts';
import { safeText } from './safe-text.ts';

export interface ErrorWords {
  readonly code: string;
  readonly title: string;
  readonly whatHappened: string;
  readonly stillWorks: string;
  readonly whoMustAct: WhoMustAct;
  readonly retryable: boolean;
  /** A command to paste, or null where waiting is the remedy. */
  readonly nextStep: string | null;
  readonly exit: ExitCode;
}

/** Words for a code. One that this program does not know (a newer daemon's) gets a general sentence with the code shown. */
export function wordsForError(code: string, details: ErrorDetails): ErrorWords {
  if (!isErrorCode(code)) return unknownError(code);
  const entry: CatalogueEntry = errorCatalogue[code];
  return {
    code,
    title: fill(entry.title, details),
    whatHappened: fill(entry.whatHappened, details),
    stillWorks: fill(entry.stillWorks, details),
    whoMustAct: entry.whoMustAct,
    retryable: entry.retryable,
    nextStep: entry.remedy === null ? null : fill(entry.remedy, details),
    exit: entry.exit,
  };
}

/** The lines below `error: `, for a terminal. */
export function errorLines(words: ErrorWords): readonly string[] {
  return [
    `${words.title} (${words.code})`,
    `  what happened: ${words.whatHappened}`,
    `  still works:   ${words.stillWorks}`,
    `  next step:     ${nextStepLine(words)}`,
  ];
}

/** One line for a status bar or a table. */
export function errorLine(words: ErrorWords): string {
  return words.nextStep === null ? words.title : `${words.title} · ${words.nextStep}`;
}

function nextStepLine({ nextStep, whoMustAct }: ErrorWords): string {
  if (nextStep === null) return whoMustAct === 'nobody, retrying' ? 'none: it is being retried' : `for ${aPerson(whoMustAct)} to decide`;
  return whoMustAct === 'user' || whoMustAct === 'nobody, retrying' ? nextStep : `${nextStep}   (for ${aPerson(whoMustAct)})`;
}

function aPerson(whoMustAct: WhoMustAct): string {
  switch (whoMustAct) {
    case 'administrator':
      return 'an administrator';
    case 'developers':
      return 'the developers';
    case 'user':
      return 'you';
    case 'nobody, retrying':
      return 'nobody';
    default:
      return whoMustAct satisfies never;
  }
}

function unknownError(code: string): ErrorWords {
  return {
    code: safeText(code).slice(0, 64),
    title: 'the daemon reports a failure that this program does not know',
    whatHappened: 'the daemon is newer than this program; its code is shown',
    stillWorks: 'what runs goes on',
    whoMustAct: 'user',
    retryable: false,
    nextStep: 'sikkerkey version',
    exit: 1,
  };
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{([A-Za-z]+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(details, name) ? details[name] : undefined;
    return value === undefined ? '?' : safeText(String(value)).slice(0, 300);
  });
}
