/** The last line: the word on the last act, then what is legal now, from the live key map. A hint is whole or not there. */
import { bindingsOf, type CommandName, type KeyContext } from '../keys/keymap.ts';
import type { Theme } from '../theme.ts';
import { fitLine, type Line, lineWidth } from './cells.ts';

export interface FooterParts {
  readonly context: KeyContext;
  readonly notice: string | null;
  /** What would do nothing now is not offered. */
  readonly isLegal: (command: CommandName) => boolean;
  readonly width: number;
  readonly theme: Theme;
}

export function footerLine({ context, notice, isLegal, width, theme }: FooterParts): Line {
  let line: Line = notice === null ? [] : [{ text: ` ${notice} `, tone: 'accent' }];
  for (const { shown, ascii, footer, command } of bindingsOf(context)) {
    if (footer === undefined || !isLegal(command)) continue;
    const hint: Line = [
      { text: ` ${theme.glyph(shown, ascii)}`, tone: 'accent', bold: true },
      { text: ` ${footer} `, tone: 'grey' },
    ];
    if (lineWidth([...line, ...hint]) > width) break;
    line = [...line, ...hint];
  }
  return fitLine(line, width);
}
