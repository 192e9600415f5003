/** What was typed, checked against the command's table. Every complaint is `usage-invalid` with the command to ask for help. */
import { parseArgs } from 'node:util';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import { type CommandForm, globalOptions, type OptionSpec, type OptionTable } from './command-form.ts';
import { parseDuration } from './duration.ts';

type Value = string | boolean | readonly string[];

export class Input {
  readonly commandName: string;
  readonly #values: ReadonlyMap<string, Value>;
  readonly #positions: ReadonlyMap<string, string>;

  constructor(commandName: string, values: ReadonlyMap<string, Value>, positions: ReadonlyMap<string, string>) {
    this.commandName = commandName;
    this.#values = values;
    this.#positions = positions;
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }

  /** A positional or option that the table calls required. */
  text(name: string): string {
    return this.optionalText(name) ?? this.fail(`${name} is missing`);
  }

  optionalText(name: string): string | undefined {
    const value = this.#positions.get(name) ?? this.#values.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }

  optionalNumber(name: string): number | undefined {
    const text = this.optionalText(name);
    return text === undefined ? undefined : Number(text);
  }

  /** Milliseconds; null for `off`. */
  optionalDuration(name: string): number | null | undefined {
    const text = this.optionalText(name);
    return text === undefined ? undefined : (parseDuration(text) ?? this.fail(`--${name} ${durationForm}`)).ms;
  }

  /** An id that may travel in a path; from the option or, in short, the positional of that name. */
  identifier(name: string): string {
    return this.optionalIdentifier(name) ?? this.fail(`--${name} <id> is missing`);
  }

  optionalIdentifier(name: string): string | undefined {
    const text = this.optionalText(name);
    if (text === undefined) return undefined;
    return isIdentifier(text) ? text : this.fail(`${name}: ids are 1 to 128 letters, digits, _ and -`);
  }

  fail(problem: string): never {
    throw new CatalogueError('usage-invalid', { problem, command: this.commandName });
  }
}

const durationForm = 'wants a span such as 90s, 15m, 12h, 30d, or off';

/** Throws `usage-invalid`. Values of options are never repeated in the complaint: one of them may be a secret. */
export function parseInput(commandName: string, command: CommandForm, args: readonly string[]): Input {
  const fail = (problem: string): never => {
    throw new CatalogueError('usage-invalid', { problem, command: commandName });
  };
  const table: OptionTable = { ...globalOptions, ...command.options };
  const parsed = parseTokens(table, args, fail);
  const values = new Map<string, Value>();
  for (const [name, spec] of Object.entries(table)) {
    const value = parsed.values[name];
    if (value === undefined) continue;
    for (const text of Array.isArray(value) ? value : [value]) checkValue(name, spec, text, fail);
    values.set(name, value as Value);
  }
  const positions = readPositionals(command, parsed.positionals, values, fail);
  for (const [name, spec] of Object.entries(table)) {
    if (spec.required === true && !values.has(name) && !positions.has(name)) fail(`--${name} <${spec.placeholder ?? name}> is missing`);
  }
  return new Input(commandName, values, positions);
}

function readPositionals(
  command: CommandForm,
  given: readonly string[],
  values: ReadonlyMap<string, Value>,
  fail: (problem: string) => never,
): ReadonlyMap<string, string> {
  const specs = command.positionals ?? [];
  if (given.length > specs.length)
    fail(specs.length === 0 ? 'it takes no arguments besides options' : `at most ${specs.length} arguments are taken`);
  const positions = new Map<string, string>();
  for (const [index, spec] of specs.entries()) {
    const text = given[index];
    if (text !== undefined) {
      if (values.has(spec.name)) fail(`${spec.name} is given twice`);
      positions.set(spec.name, text);
    } else if (spec.required && !values.has(spec.name)) fail(`<${spec.name}> is missing`);
  }
  return positions;
}

function parseTokens(table: OptionTable, args: readonly string[], fail: (problem: string) => never) {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, spec]) => [
      name,
      {
        type: spec.type === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(spec.short === undefined ? {} : { short: spec.short }),
        ...(spec.multiple === true ? { multiple: true } : {}),
      },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Only the names of options are repeated, never what follows them.
    const name = error instanceof Error ? /'?(--?[A-Za-z][A-Za-z0-9-]*)/.exec(error.message)?.[1] : undefined;
    const subject = name ?? 'an option';
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return fail(`${subject} is not known`);
    return fail(`${subject} is not used as it is meant (a value is missing, or there is one too many)`);
  }
}

function checkValue(name: string, spec: OptionSpec, value: unknown, fail: (problem: string) => never): void {
  if (typeof value !== 'string') return;
  if (spec.choices !== undefined && !spec.choices.includes(value)) fail(`--${name} is one of ${spec.choices.join(', ')}`);
  if (spec.type === 'duration' && parseDuration(value) === null) fail(`--${name} ${durationForm}`);
  if (spec.type !== 'number') return;
  const number = Number(value);
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
  if (!/^[0-9]{1,16}$/.test(value) || number < min || number > max) fail(`--${name} wants a whole number from ${min} to ${max}`);
}
