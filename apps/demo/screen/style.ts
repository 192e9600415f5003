/** Colour and weight, or plain text where colour is not wanted. Meaning never rests on colour alone: a word is beside it. */

export interface Style {
  good(text: string): string;
  bad(text: string): string;
  busy(text: string): string;
  dim(text: string): string;
  strong(text: string): string;
}

const escapeCharacter = String.fromCodePoint(27);
const sgr =
  (code: string) =>
  (text: string): string =>
    `${escapeCharacter}[${code}m${text}${escapeCharacter}[0m`;

export const coloured: Style = { good: sgr('32'), bad: sgr('1;31'), busy: sgr('36'), dim: sgr('2'), strong: sgr('1') };

const same = (text: string): string => text;
export const plain: Style = { good: same, bad: same, busy: same, dim: same, strong: same };

/** A colour sequence, as `sgr` makes them. */
const sequence = new RegExp(`(${escapeCharacter}\\[[0-9;]*m)`);

/** Columns that a text takes; all glyphs of the demo are one wide. */
export function widthOf(text: string): number {
  return [
    ...text
      .split(sequence)
      .filter((part) => !part.startsWith(escapeCharacter))
      .join(''),
  ].length;
}

/** Cut to a width without cutting a sequence; what is open is closed. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let left = width;
  let kept = '';
  for (const part of text.split(sequence)) {
    if (part.startsWith(escapeCharacter)) kept += part;
    else {
      const characters = [...part].slice(0, left);
      kept += characters.join('');
      left -= characters.length;
    }
  }
  return kept;
}

/** Left and right parts at the two ends of a line; where both have no room the right one goes, which says less. */
export function ends(left: string, right: string, width: number): string {
  const between = width - widthOf(left) - widthOf(right);
  return between < 1 ? cut(left, width) : left + ' '.repeat(between) + right;
}

export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function paddedLeft(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}
