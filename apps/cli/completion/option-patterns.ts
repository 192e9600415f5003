/** Options that want a value, as `command --option`: what bash and zsh look the word before the cursor up by. */
import type { CompletionPlace, OptionChoice } from './completion-data.ts';

export interface OptionPatterns {
  readonly withChoices: readonly { readonly pattern: string; readonly choices: readonly string[] }[];
  readonly withFiles: readonly string[];
  /** Values that only their author knows: nothing is offered for them. */
  readonly typed: readonly string[];
}

export function optionPatterns(places: readonly CompletionPlace[]): OptionPatterns {
  const all = places.flatMap(({ path, options }) =>
    options.flatMap((option) => namesOf(option).map((name) => ({ pattern: `${path} ${name}`, option }))),
  );
  const of = (value: OptionChoice['value']): readonly string[] =>
    all.filter(({ option }) => option.value === value).map(({ pattern }) => pattern);
  return {
    withChoices: all
      .filter(({ option }) => option.value === 'choices')
      .map(({ pattern, option }) => ({ pattern, choices: option.choices })),
    withFiles: of('files'),
    typed: of('typed'),
  };
}

/** A pattern of `case` for any of these texts; none of them has a quote. */
export function quotedAlternatives(texts: readonly string[]): string {
  return texts.map((text) => `'${text}'`).join('|');
}

function namesOf({ name, short }: OptionChoice): readonly string[] {
  return short === null ? [`--${name}`] : [`--${name}`, `-${short}`];
}
