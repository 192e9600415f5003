/**
 * The form of one entry of the error catalogue (ux.md §4.4). `{name}` in a text stands for the detail of that name; a
 * word in capitals in a remedy for what whoever shows it may know (remedy.ts).
 */
export type WhoMustAct = 'user' | 'administrator' | 'nobody, retrying' | 'developers';

/** 0 ok · 1 failed · 2 usage · 3 daemon unreachable · 4 denied · 5 not found · 6 needs attention · 7 conflict */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7;

export interface CatalogueEntry {
  /** One line, no full stop, no value that could be a secret. */
  readonly title: string;
  readonly whatHappened: string;
  readonly stillWorks: string;
  readonly whoMustAct: WhoMustAct;
  readonly retryable: boolean;
  /** A command that a person can paste, or null where waiting is the remedy. */
  readonly remedy: string | null;
  readonly exit: ExitCode;
  /** Names of the facts that fill the texts. */
  readonly details: readonly string[];
}

/** Keeps literal types (codes, detail names) while checking the form. */
export function entries<const Table extends Readonly<Record<string, CatalogueEntry>>>(table: Table): Table {
  return table;
}
