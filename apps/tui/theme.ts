/** Tones as the sixteen colours of every terminal, and the two glyph sets. Meaning never rests on colour alone. */
import type { Tone } from '@sikkerkey/ui-shared/state/agent-condition.ts';

export interface Theme {
  readonly ascii: boolean;
  /** Undefined under NO_COLOR: the terminal's own colour. */
  colour(tone: Tone | 'plain' | 'accent'): string | undefined;
  /** The first where the terminal can show it. */
  glyph(unicode: string, ascii: string): string;
}

const colours: Readonly<Record<Tone | 'accent', string>> = {
  good: 'green',
  busy: 'cyan',
  warn: 'yellow',
  bad: 'red',
  grey: 'gray',
  accent: 'cyan',
};

export function createTheme({ ascii, noColor }: { readonly ascii: boolean; readonly noColor: boolean }): Theme {
  return {
    ascii,
    colour: (tone) => (noColor || tone === 'plain' ? undefined : colours[tone]),
    glyph: (unicode, plain) => (ascii ? plain : unicode),
  };
}
