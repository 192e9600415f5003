/** The one banner: what is wrong with everything, since when, and the command that mends it. */
import type { Banner } from '@sikkerkey/ui-shared/state/overview.ts';
import { commandLines } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import type { Theme } from '../theme.ts';
import { fitLine, type Line, lineWidth } from './cells.ts';
import { wrapText } from './wrap.ts';

/** None, or as many lines as the words need. The command stands beside the words where both have room, else below. */
export function bannerLines(banner: Banner | null, width: number, theme: Theme): readonly Line[] {
  if (banner === null) return [];
  const mark = banner.tone === 'bad' ? theme.glyph('✖', 'X') : banner.tone === 'warn' ? theme.glyph('⚠', '!') : theme.glyph('◷', '.');
  const text = wrapText(` ${mark} ${banner.text}`, width, 3).map((part): Line => [{ text: part, tone: banner.tone, bold: true }]);
  const { command } = banner;
  if (command === null) return text.map((line) => fitLine(line, width));
  const beside: Line = [...(text[0] ?? []), { text: `   ${command}`, tone: 'accent', bold: true }];
  if (text.length === 1 && lineWidth(beside) <= width) return [fitLine(beside, width)];
  const below = commandLines('   ', command, width).map((part): Line => [{ text: part, tone: 'accent', bold: true }]);
  return [...text, ...below].map((line) => fitLine(line, width));
}
