/** The form of a command as data: what parsing, usage, help and completion derive from. */
export interface OptionSpec {
  readonly type: 'text' | 'flag' | 'number' | 'duration';
  /** Shown in the usage: `--host <host>`. */
  readonly placeholder?: string;
  readonly help: string;
  readonly short?: string;
  readonly required?: boolean;
  readonly choices?: readonly string[];
  readonly multiple?: boolean;
  readonly min?: number;
  readonly max?: number;
}

export interface PositionalSpec {
  readonly name: string;
  readonly help: string;
  readonly required: boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface CommandForm {
  readonly positionals?: readonly PositionalSpec[];
  readonly options?: OptionTable;
  /** Paragraphs of the help below the usage. */
  readonly details?: readonly string[];
}

/** One line of the table: what is known about a command before its file is loaded. */
export interface TableRow<Loaded extends CommandForm = CommandForm> {
  readonly path: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<Loaded>;
}

/** Options of every command. */
export const globalOptions: OptionTable = {
  json: { type: 'flag', help: 'print stable JSON instead of text' },
  help: { type: 'flag', short: 'h', help: 'show this help' },
};

/** The command that these words begin with, the longest where one is the beginning of another; null when there is none. */
export function findInTable<Row extends TableRow>(table: readonly Row[], words: readonly string[]): Row | null {
  let best: Row | null = null;
  for (const candidate of table) {
    const fits = candidate.path.every((word, index) => words[index] === word);
    if (fits && (best === null || candidate.path.length > best.path.length)) best = candidate;
  }
  return best;
}

/** The words up to which they name a group of commands: `agent` of `agent lsit`. */
export function longestGroup(table: readonly TableRow[], words: readonly string[]): readonly string[] {
  for (let length = words.length; length > 0; length -= 1) {
    const isGroup = table.some(({ path }) => path.length > length && words.slice(0, length).every((word, index) => path[index] === word));
    if (isGroup) return words.slice(0, length);
  }
  return [];
}
