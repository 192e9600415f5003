/** Usage and help, made from the command table: nothing here is written twice. */
import { leadLines, wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { type CommandForm, globalOptions, type OptionSpec, type TableRow } from './command-form.ts';

const program = 'sikkerkey';

/** All commands, or those that begin with `prefix` (`agent`, `admin machine`), for a terminal of `cells` or of any width. */
export function overviewLines(table: readonly TableRow[], prefix: readonly string[] = [], cells: number | null = null): readonly string[] {
  const shown = table.filter(({ path }) => prefix.every((word, index) => path[index] === word));
  return [
    `usage: ${[program, ...prefix].join(' ')} <command> [options]`,
    '',
    ...twoColumns(
      shown.map(({ path, summary }) => [path.join(' '), summary]),
      cells,
    ),
    '',
    ...wrapWords(`${program} <command> --help tells more. Every command takes --json.`, cells),
    ...(prefix.length === 0 ? wrapWords(exitCodes, cells) : []),
  ];
}

const exitCodes = 'Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon unreachable, 4 denied, 5 not found, 6 needs attention, 7 conflict.';

export function usageLine({ path }: TableRow, command: CommandForm): string {
  // A positional that stands in for a required option is told in the list below; the usage shows the published form.
  const positionals = (command.positionals ?? [])
    .filter(({ name }) => command.options?.[name] === undefined)
    .map(({ name, required }) => (required ? `<${name}>` : `[${name}]`));
  const options = Object.entries(command.options ?? {}).flatMap(([name, spec]) => (spec.required === true ? [optionForm(name, spec)] : []));
  const hasMore = Object.values(command.options ?? {}).some((spec) => spec.required !== true);
  return ['usage:', program, ...path, ...positionals, ...options, ...(hasMore ? ['[options]'] : [])].join(' ');
}

export function helpLines(entry: TableRow, command: CommandForm, cells: number | null = null): readonly string[] {
  const rows: [string, string][] = [
    ...(command.positionals ?? []).map(({ name, help }): [string, string] => [`<${name}>`, help]),
    ...Object.entries({ ...command.options, ...globalOptions }).map(([name, spec]): [string, string] => [
      optionForm(name, spec),
      optionHelp(spec),
    ]),
  ];
  return [
    ...wrapWords(usageLine(entry, command), cells, 'usage: '.length),
    '',
    ...wrapWords(entry.summary, cells),
    ...(command.details ?? []).flatMap((paragraph) => ['', ...wrapWords(paragraph, cells)]),
    '',
    ...twoColumns(rows, cells),
  ];
}

/** Where no room is left beside the first column, the second stands below it. */
function twoColumns(rows: readonly (readonly [string, string])[], cells: number | null): readonly string[] {
  const width = Math.min(34, Math.max(...rows.map(([form]) => form.length)));
  return rows.flatMap(([form, help]) => leadLines(`  ${form.padEnd(width)}  `, help, cells));
}

function optionForm(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '' : `-${spec.short}, `;
  return spec.type === 'flag' ? `${short}--${name}` : `${short}--${name} <${spec.placeholder ?? placeholderOf(spec)}>`;
}

function placeholderOf(spec: OptionSpec): string {
  if (spec.choices !== undefined) return spec.choices.join('|');
  return spec.type === 'number' ? 'n' : spec.type === 'duration' ? 'span' : 'text';
}

function optionHelp(spec: OptionSpec): string {
  const marks = [...(spec.required === true ? ['required'] : []), ...(spec.multiple === true ? ['may be repeated'] : [])];
  return marks.length === 0 ? spec.help : `${spec.help} (${marks.join(', ')})`;
}
