// biome-ignore-all lint/suspicious/noTemplateCurlyInString: shell variables are written that way
/** `completion`: scripts made from the command table, so that they cannot fall behind it. */
import type { Command } from '../command.ts';
import { globalOptions, type TableRow } from '../command-form.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

interface Completed {
  readonly path: string;
  readonly summary: string;
  /** Next words after the path (for a group), or the options (for a command). */
  readonly words: readonly string[];
}

export const completion: Command = {
  positionals: [{ name: 'shell', help: shells.join(', '), required: true }],
  details: ['bash: source <(sikkerkey completion bash)   zsh: the same   fish: sikkerkey completion fish | source'],
  run: async (input, context) => {
    const shell = shells.find((known) => known === input.text('shell')) ?? input.fail(`shells are ${shells.join(', ')}`);
    const data = await completionData(context.commands);
    if (context.json) context.printJson({ shell, completions: data });
    else context.terminal.print(shell === 'fish' ? fishScript(data) : shell === 'zsh' ? zshScript(data) : bashScript(data));
    return 0;
  },
};

async function completionData(table: readonly TableRow[]): Promise<readonly Completed[]> {
  const groups = new Map<string, Set<string>>([['', new Set()]]);
  const commands: Completed[] = [];
  for (const entry of table) {
    for (let length = 0; length < entry.path.length; length += 1) {
      const prefix = entry.path.slice(0, length).join(' ');
      const next = entry.path[length];
      if (next !== undefined) groups.set(prefix, (groups.get(prefix) ?? new Set()).add(next));
    }
    const command = await entry.load();
    const options = Object.keys({ ...command.options, ...globalOptions }).map((name) => `--${name}`);
    const shellNames = entry.path[0] === 'completion' ? shells : [];
    commands.push({ path: entry.path.join(' '), summary: entry.summary, words: [...shellNames, ...options] });
  }
  return [...[...groups].map(([path, words]) => ({ path, summary: '', words: [...words] })), ...commands];
}

/** One `case` over the words typed so far; options are taken out before the path is looked up. */
function bashScript(data: readonly Completed[]): string {
  return [
    '_sikkerkey() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" path="" word words="" i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word="${COMP_WORDS[i]}"',
    '    case "$word" in -*) break ;; *) path="${path:+$path }$word" ;; esac',
    '  done',
    '  case "$path" in',
    ...data.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _sikkerkey sikkerkey',
  ].join('\n');
}

function zshScript(data: readonly Completed[]): string {
  return [
    '#compdef sikkerkey',
    '_sikkerkey() {',
    '  local path="" word',
    '  local -a candidates',
    '  for word in "${words[@]:1:$((CURRENT - 2))}"; do',
    '    case "$word" in -*) break ;; *) path="${path:+$path }$word" ;; esac',
    '  done',
    '  case "$path" in',
    ...data.map(({ path, words }) => `    '${path}') candidates=(${words.join(' ')}) ;;`),
    '  esac',
    '  (( ${#candidates} )) && compadd -- "${candidates[@]}" || _files',
    '}',
    'compdef _sikkerkey sikkerkey',
  ].join('\n');
}

function fishScript(data: readonly Completed[]): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
  const summaries = new Map(data.map(({ path, summary }) => [path, summary]));
  return [
    'function __sikkerkey_path',
    '  set -l words (commandline -opc)',
    '  set -l path',
    '  for word in $words[2..-1]',
    '    string match -q -- "-*" $word; and break',
    '    set -a path $word',
    '  end',
    '  test "$path" = "$argv[1]"',
    'end',
    'complete -c sikkerkey -e',
    ...data.flatMap(({ path, words }) =>
      words.map((word) => {
        const condition = `-n ${quote(`__sikkerkey_path "${path}"`)}`;
        if (word.startsWith('--')) return `complete -c sikkerkey ${condition} -l ${word.slice(2)}`;
        const summary = summaries.get(path === '' ? word : `${path} ${word}`) ?? '';
        return `complete -c sikkerkey -f ${condition} -a ${word}${summary === '' ? '' : ` -d ${quote(summary)}`}`;
      }),
    ),
  ].join('\n');
}
