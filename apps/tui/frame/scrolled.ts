/** A text that may be longer than its place: the part that is seen, and a line that says how much lies above and below. */
import type { Theme } from '../theme.ts';
import { fitLine, type Line } from './cells.ts';

export interface Scrolled {
  readonly lines: readonly Line[];
  /** The largest useful scroll: there the end is seen. 0 when all is seen at once. */
  readonly last: number;
  /** Lines of the text that fit at a time, the mark not counted. */
  readonly page: number;
}

/** `wanted` beyond the end shows the end: a resize may have made it so. */
export function scrolled(all: readonly Line[], height: number, wanted: number, width: number, theme: Theme): Scrolled {
  if (all.length <= height) return { lines: all, last: 0, page: height };
  const page = Math.max(1, height - 1);
  const last = all.length - page;
  const from = Math.min(Math.max(0, wanted), last);
  return { lines: [...all.slice(from, from + page), markLine(from, last - from, width, theme)], last, page };
}

function markLine(above: number, below: number, width: number, theme: Theme): Line {
  const rule = theme.glyph('─', '-');
  const parts = [
    ...(below > 0 ? [`${theme.glyph('↓', 'v')} ${below} more ${below === 1 ? 'line' : 'lines'} below`] : ['the end']),
    ...(above > 0 ? [`${theme.glyph('↑', '^')} ${above} above`] : []),
  ];
  const text = ` ${parts.join(theme.glyph(' · ', ' | '))} `;
  return fitLine(
    [
      { text: rule.repeat(2), tone: 'grey' },
      { text, tone: below > 0 ? 'accent' : 'grey', bold: below > 0 },
      { text: rule.repeat(Math.max(0, width - 2 - [...text].length)), tone: 'grey' },
    ],
    width,
  );
}
