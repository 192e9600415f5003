/** The last line: what is legal now, from the live key map; or the word on the last act. */
import { bindingsOf, type KeyContext } from '../keys/keymap.ts';
import type { Theme } from '../theme.ts';
import { fitLine, type Line } from './cells.ts';

export function footerLine(context: KeyContext, notice: string | null, width: number, theme: Theme): Line {
  if (notice !== null) return fitLine([{ text: ` ${notice}`, tone: 'accent' }], width);
  const hints = bindingsOf(context).flatMap(
    ({ shown, ascii, footer }): Line =>
      footer === undefined
        ? []
        : [
            { text: ` ${theme.glyph(shown, ascii)}`, tone: 'accent', bold: true },
            { text: ` ${footer} `, tone: 'grey' },
          ],
  );
  return fitLine(hints, width);
}
