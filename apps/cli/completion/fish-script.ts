/** Completion for fish: one rule for each word and option, each with what it does. */
import type { CompletionPlace, OptionChoice } from './completion-data.ts';

export function fishScript(places: readonly CompletionPlace[]): string {
  const known = places.map(({ path }) => path).filter((path) => path !== '');
  return [
    '# Whether the words before the cursor name this command or group, whatever options and arguments follow them.',
    'function __sikkerkey_at',
    `  set -l known ${known.map(quoted).join(' ')}`,
    "  set -l line ''",
    '  for word in (commandline -opc)[2..-1]',
    '    set -l longer (string trim -- "$line $word")',
    '    contains -- "$longer" $known; or break',
    '    set line $longer',
    '  end',
    '  test "$line" = "$argv[1]"',
    'end',
    'complete -c sikkerkey -e',
    'complete -c sikkerkey -f',
    ...places.flatMap(({ path, words, options }) => [
      ...words.map(({ word, summary }) => `${rule(path)} -a ${quoted(word)}${described(summary)}`),
      ...options.map((option) => `${rule(path)} ${optionRule(option)}`),
    ]),
  ].join('\n');
}

function rule(path: string): string {
  return `complete -c sikkerkey -n ${quoted(`__sikkerkey_at ${quoted(path)}`)}`;
}

function optionRule({ name, short, help, value, choices }: OptionChoice): string {
  const names = `-l ${name}${short === null ? '' : ` -s ${short}`}`;
  return `${names}${valueRule(value, choices)}${described(help)}`;
}

function valueRule(value: OptionChoice['value'], choices: readonly string[]): string {
  switch (value) {
    case 'none':
      return '';
    case 'files':
      return ' -r -F';
    case 'choices':
      return ` -x -a ${quoted(choices.join(' '))}`;
    case 'typed':
      return ' -x';
    default:
      return value satisfies never;
  }
}

function described(help: string): string {
  return help === '' ? '' : ` -d ${quoted(help)}`;
}

/** Within single quotes fish reads a backslash before a quote and before itself only. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
