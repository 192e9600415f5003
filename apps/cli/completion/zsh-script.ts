// biome-ignore-all lint/suspicious/noTemplateCurlyInString: shell variables are written that way
/** Completion for zsh, with what each word does. Sourced, or as a file `_sikkerkey` of the function path. */
import type { CompletionPlace } from './completion-data.ts';
import { optionPatterns, quotedAlternatives } from './option-patterns.ts';

/** No local variable may be called `path`: zsh ties that one to the search path. */
export function zshScript(places: readonly CompletionPlace[]): string {
  const { withFiles, typed, withChoices } = optionPatterns(places);
  return [
    '#compdef sikkerkey',
    '_sikkerkey() {',
    '  local line="" longer word previous="${words[CURRENT-1]}"',
    '  local -a candidates',
    '  for word in "${(@)words[2,CURRENT-1]}"; do',
    '    longer="${line:+$line }$word"',
    '    case "$longer" in',
    `      (${quotedAlternatives(places.map(({ path }) => path).filter((path) => path !== ''))}) line="$longer" ;;`,
    '      (*) break ;;',
    '    esac',
    '  done',
    '  case "$line $previous" in',
    ...withChoices.map(({ pattern, choices }) => `    (${quotedAlternatives([pattern])}) compadd -- ${choices.join(' ')}; return ;;`),
    `    (${quotedAlternatives(withFiles)}) _files; return ;;`,
    `    (${quotedAlternatives(typed)}) return 1 ;;`,
    '  esac',
    '  case "$line" in',
    ...places.map(({ path, words, options }) => {
      const described = [...words.map(({ word, summary }) => [word, summary]), ...options.map(({ name, help }) => [`--${name}`, help])];
      return `    ('${path}') candidates=(${described.map(([word = '', help = '']) => candidate(word, help)).join(' ')}) ;;`;
    }),
    '  esac',
    '  _describe -V sikkerkey candidates',
    '}',
    'if [[ "${funcstack[1]}" == _sikkerkey ]]; then',
    '  _sikkerkey "$@"',
    'else',
    '  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }',
    '  compdef _sikkerkey sikkerkey',
    'fi',
  ].join('\n');
}

/** `word:what it does`, in single quotes. */
function candidate(word: string, help: string): string {
  const text = help === '' ? word : `${word}:${help.replaceAll(':', '\\:')}`;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
