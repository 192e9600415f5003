// biome-ignore-all lint/suspicious/noTemplateCurlyInString: shell variables are written that way
/** Completion for bash: one `case` for the command typed so far, one for the option before the cursor. */
import type { CompletionPlace } from './completion-data.ts';
import { optionPatterns, quotedAlternatives } from './option-patterns.ts';

/** bash takes `--tls=x` apart at the `=`; both ways of writing a value are put together again. */
export function bashScript(places: readonly CompletionPlace[]): string {
  const { withFiles, typed, withChoices } = optionPatterns(places);
  return [
    '_sikkerkey() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" line="" longer candidates="" i',
    '  if [[ $current == "=" ]]; then current=""; elif [[ $previous == "=" ]]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    longer="${line:+$line }${COMP_WORDS[i]}"',
    '    case "$longer" in',
    `      ${quotedAlternatives(places.map(({ path }) => path).filter((path) => path !== ''))}) line="$longer" ;;`,
    '      *) break ;;',
    '    esac',
    '  done',
    '  case "$line $previous" in',
    ...withChoices.map(({ pattern, choices }) => `    ${quotedAlternatives([pattern])}) candidates='${choices.join(' ')}' ;;`),
    `    ${quotedAlternatives(withFiles)}) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")); return ;;`,
    `    ${quotedAlternatives(typed)}) return ;;`,
    '    *)',
    '      case "$line" in',
    ...places.map(({ path, words, options }) => {
      const candidates = [...words.map(({ word }) => word), ...options.map(({ name }) => `--${name}`)];
      return `        '${path}') candidates='${candidates.join(' ')}' ;;`;
    }),
    '      esac ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$candidates" -- "$current"))',
    '}',
    'complete -F _sikkerkey sikkerkey',
  ].join('\n');
}
