/**
 * The words of every expected failure, made from the catalogue: what happened, what still works, who must act, the next
 * step. All surfaces print these; none writes its own.
 */

import { errorCatalogue, isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import type { CatalogueEntry, ExitCode, WhoMustAct } from '@sikkerkey/protocol/errors/entry.ts';
import { filledRemedy } from '@sikkerkey/protocol/errors/remedy.ts';
import type { ErrorDetails } from '../client/daemon-error.ts';
import { commandLines, leadLines, wrapWords } from './fitted-lines.ts';
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
  if (!isErrorCode(code)) return isServerCode(code) ? wordsForError('engine-failed', { ...details, reason: code }) : unknownError(code);
  const entry: CatalogueEntry = errorCatalogue[code];
  return {
    code,
    title: fill(entry.title, details),
    whatHappened: fill(entry.whatHappened, details),
    stillWorks: fill(entry.stillWorks, details),
    whoMustAct: entry.whoMustAct,
    retryable: entry.retryable,
    nextStep: filledRemedy(entry, details, shownFact),
    exit: entry.exit,
  };
}

/** The lines below `error: `: four of any length, or as many as a terminal of `cells` needs. */
export function errorLines(words: ErrorWords, cells: number | null = null): readonly string[] {
  return [
    ...wrapWords(`${words.title} (${words.code})`, cells, 2),
    ...leadLines('  what happened: ', words.whatHappened, cells),
    ...leadLines('  still works:   ', words.stillWorks, cells),
    ...nextStepLines('  next step:     ', words, cells),
  ];
}

/** What to do next, behind `lead`: a command to paste, with who has to run it where that is somebody else. */
export function nextStepLines(lead: string, { nextStep, whoMustAct }: ErrorWords, cells: number | null): readonly string[] {
  if (nextStep === null)
    return leadLines(lead, whoMustAct === 'nobody, retrying' ? 'none: it is being retried' : decision(whoMustAct), cells);
  const isForCaller = whoMustAct === 'user' || whoMustAct === 'nobody, retrying';
  return commandLines(lead, nextStep, cells, isForCaller ? '' : `(for ${aPerson(whoMustAct)})`);
}

/** One line for a status bar or a table. */
export function errorLine(words: ErrorWords): string {
  return words.nextStep === null ? words.title : `${words.title} · ${words.nextStep}`;
}

function decision(whoMustAct: WhoMustAct): string {
  return `for ${aPerson(whoMustAct)} to decide`;
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

/** Codes of database servers (SQLSTATE), of the system and of drivers are shown as they are; the catalogue has none of them. */
function isServerCode(code: string): boolean {
  return /^(?=.*[0-9])[0-9A-Z]{5}$|^E[A-Z_]{3,}$/.test(code) || driverCodes.has(code);
}

/** engines/postgresql/errors.ts. */
const driverCodes: ReadonlySet<string> = new Set(['connect-timeout', 'connection-terminated', 'sasl-refused', 'driver-error']);

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

function shownFact(text: string): string {
  return safeText(text).slice(0, 300);
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{([A-Za-z]+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(details, name) ? details[name] : undefined;
    return value === undefined ? '?' : shownFact(String(value));
  });
}
