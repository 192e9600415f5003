/**
 * Cells that a text takes in a terminal, and cutting and padding by cells. Wide (East Asian, emoji) characters count
 * two, combining marks none; plain ASCII takes the short way.
 */

/** Number of cells. The text must already be safe (no control characters). */
export function textWidth(text: string): number {
  if (isAscii(text)) return text.length;
  let cells = 0;
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)) cells += graphemeWidth(segment);
  return cells;
}

/** Fills with spaces up to `cells`; a longer text stays whole, as printf does. */
export function padToWidth(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - textWidth(text)));
}

/** At most `cells` cells; what had to be cut ends in `…` (or `mark`). */
export function cutToWidth(text: string, cells: number, mark = '…'): string {
  if (textWidth(text) <= cells) return text;
  if (cells <= 0) return '';
  const room = cells - mark.length;
  let kept = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)) {
    const width = graphemeWidth(segment);
    if (used + width > room) break;
    kept += segment;
    used += width;
  }
  return kept + (room >= 0 ? mark : '');
}

/** Exactly `cells` cells: cut or filled. */
export function fitToWidth(text: string, cells: number): string {
  return padToWidth(cutToWidth(text, cells), cells);
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

const emojiByDefault = /\p{Emoji_Presentation}/u;
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

function graphemeWidth(grapheme: string): number {
  const codePoint = grapheme.codePointAt(0) ?? 0;
  if (invisible.test(String.fromCodePoint(codePoint))) return 0;
  if (emojiByDefault.test(grapheme) || grapheme.includes('\uFE0F')) return 2;
  return isWide(codePoint) ? 2 : 1;
}

/** The wide and full-width blocks of Unicode's East Asian Width (UAX #11), as ranges. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

function isWide(codePoint: number): boolean {
  return wideRanges.some(([from, to]) => codePoint >= from && codePoint <= to);
}
