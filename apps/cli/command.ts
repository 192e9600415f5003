/** A command: its form as data, and the one function that runs it. */
import type { CommandForm, TableRow } from './command-form.ts';
import type { Context } from './context.ts';
import type { Input } from './input.ts';

export interface Command extends CommandForm {
  /** Returns the exit code of ux.md §4.4. Expected failures are thrown with a code of the catalogue. */
  run(input: Input, context: Context): Promise<number>;
}

export type CommandEntry = TableRow<Command>;
