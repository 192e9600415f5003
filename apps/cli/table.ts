/**
 * Tables and fact lists: columns as wide as their cells, two spaces between, wide characters counted as the terminal
 * shows them. Where the terminal is narrower (`cells`; null for a pipe) words wrap inside their column and columns that
 * do not fit stand below, indented; ids and other values are never cut or broken.
 */
import { leadLines, wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { padToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';

/** A title alone: its cells are values. `wraps`: its cells are words. */
export type Column = string | { readonly title: string; readonly wraps: true };

interface Placed {
  readonly index: number;
  readonly width: number;
}

/** A column of words may become so narrow, and no narrower than its longest word. */
const narrowestWords = 16;
const gap = 2;

/** Cells are made safe here. */
export function tableLines(header: readonly Column[], rows: readonly (readonly string[])[], cells: number | null): readonly string[] {
  const titles = header.map((column) => (typeof column === 'string' ? column : column.title));
  const all = [titles, ...rows.map((row) => header.map((_, index) => safeText(row[index] ?? '')))];
  const bands = bandsOf(header, all, cells);
  return all.flatMap((row) => bands.flatMap((band, index) => bandLines(row, band, index === 0 ? 0 : gap)));
}

/** `name:  value` lines with the values aligned. */
export function factLines(facts: readonly (readonly [string, string])[], cells: number | null): readonly string[] {
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  return facts.flatMap(([name, value]) => leadLines(`${`${name}:`.padEnd(width)}  `, safeText(value), cells));
}

/** Which columns stand beside each other: as many as fit, from the left. */
function bandsOf(header: readonly Column[], all: readonly (readonly string[])[], cells: number | null): readonly (readonly Placed[])[] {
  const natural = header.map((_, index) => Math.max(...all.map((row) => textWidth(row[index] ?? ''))));
  if (cells === null) return [natural.map((width, index) => ({ index, width }))];
  const least = natural.map((width, index) =>
    typeof header[index] === 'string' ? width : Math.min(width, Math.max(narrowestWords, longestWord(all, index))),
  );
  const bands: Placed[][] = [];
  let start = 0;
  for (const [index, width] of natural.entries()) {
    const needed = least[index] ?? width;
    const isFirst = bands.length === 0;
    if (isFirst || start + needed > cells) {
      bands.push([]);
      start = isFirst ? 0 : gap;
    }
    // What follows keeps its place on this line where this column can do with less.
    const following = least.slice(index + 1).reduce((sum, one) => sum + gap + one, 0);
    const room = start + needed + following <= cells ? cells - start - following : cells - start;
    const placed = { index, width: Math.min(width, Math.max(needed, room)) };
    bands.at(-1)?.push(placed);
    start += placed.width + gap;
  }
  return bands;
}

function longestWord(all: readonly (readonly string[])[], index: number): number {
  return Math.max(...all.flatMap((row) => (row[index] ?? '').split(' ').map(textWidth)));
}

function bandLines(row: readonly string[], band: readonly Placed[], indent: number): readonly string[] {
  const parts = band.map(({ index, width }) => wrapWords(row[index] ?? '', width));
  const height = Math.max(...parts.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => {
    const padded = band.map(({ width }, at) => padToWidth(parts[at]?.[line] ?? '', width));
    return `${' '.repeat(indent)}${padded.join(' '.repeat(gap))}`.trimEnd();
  });
}
