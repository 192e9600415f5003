/** What can be typed where, made from the command table, so that no completion can fall behind it. */
import { globalOptions, type OptionSpec, type TableRow } from '../command-form.ts';

export interface OptionChoice {
  readonly name: string;
  readonly short: string | null;
  readonly help: string;
  /** `none`: it stands alone. `files`: a path. `choices`: one of them. `typed`: only its author knows. */
  readonly value: 'none' | 'files' | 'choices' | 'typed';
  readonly choices: readonly string[];
}

export interface CompletionPlace {
  /** The words typed so far that name a command or a group of them; empty for none yet. */
  readonly path: string;
  /** Words that may come next: commands of the group, or the values of a command's first argument. */
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  readonly options: readonly OptionChoice[];
}

/** `groups`: what a group of commands is for, by its path. */
export async function completionPlaces(
  table: readonly TableRow[],
  groups: Readonly<Record<string, string>>,
  shells: readonly string[],
): Promise<readonly CompletionPlace[]> {
  const summaries = new Map(Object.entries(groups));
  for (const { path, summary } of table) summaries.set(path.join(' '), summary);
  const next = new Map<string, Set<string>>([['', new Set()]]);
  for (const { path } of table) {
    for (const [length, word] of path.entries()) {
      const group = path.slice(0, length).join(' ');
      next.set(group, (next.get(group) ?? new Set()).add(word));
    }
  }
  const ofGroups = [...next].map(([path, words]) => ({
    path,
    words: [...words].map((word) => ({ word, summary: summaries.get(path === '' ? word : `${path} ${word}`) ?? '' })),
    options: [],
  }));
  return [...ofGroups, ...(await Promise.all(table.map((row) => placeOfCommand(row, shells))))];
}

async function placeOfCommand(row: TableRow, shells: readonly string[]): Promise<CompletionPlace> {
  const command = await row.load();
  return {
    path: row.path.join(' '),
    words: row.path[0] === 'completion' ? shells.map((word) => ({ word, summary: '' })) : [],
    options: Object.entries({ ...command.options, ...globalOptions }).map(([name, spec]) => optionChoice(name, spec)),
  };
}

function optionChoice(name: string, spec: OptionSpec): OptionChoice {
  const { short = null, help, choices = [] } = spec;
  const value = spec.type === 'flag' ? 'none' : choices.length > 0 ? 'choices' : spec.placeholder === 'path' ? 'files' : 'typed';
  return { name, short, help, value, choices };
}
