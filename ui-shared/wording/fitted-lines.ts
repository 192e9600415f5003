/**
 * Lines that fit a terminal: broken between words and aligned behind what they begin with. A word is never broken or
 * cut, so that ids and keys can be copied; a command goes on behind a backslash, so that it can be pasted. `cells` is
 * the width of the terminal, or null where lines may be of any length (a pipe, a file).
 */
import { textWidth } from './text-width.ts';

/** Breaks one line between words; the lines after the first begin with `hang` spaces. Never empty. */
export function wrapWords(line: string, cells: number | null, hang = 0): readonly string[] {
  if (cells === null || textWidth(line) <= cells) return [line];
  return broken(line.match(words) ?? [], cells, ' '.repeat(hangWithin(hang, cells)), '');
}

/** `lead` and, behind it, a text of any length: `  still works:   …`. */
export function leadLines(lead: string, text: string, cells: number | null): readonly string[] {
  return wrapWords(`${lead}${text}`, cells, textWidth(lead));
}

/**
 * A command to paste behind `lead`: on the same line where it fits, else below it, each line but the last ending in a
 * backslash. `note` stands behind the command, or behind the lead where that has a line of its own.
 */
export function commandLines(lead: string, command: string, cells: number | null, note = ''): readonly string[] {
  const line = `${lead}${command}${note === '' ? '' : `   ${note}`}`;
  if (cells === null || textWidth(line) <= cells) return [line];
  const above = `${lead.trimEnd()}${note === '' ? '' : ` ${note}`}`;
  const indent = lead.trim() === '' ? lead : ' '.repeat(lead.length - lead.trimStart().length + 2);
  const below = `${indent}${command}`;
  const isWhole = textWidth(below) <= cells;
  return [
    ...(above.trim() === '' ? [] : wrapWords(above, cells, indent.length)),
    ...(isWhole ? [below] : broken(below.match(options) ?? [], cells, `${indent}  `, ' \\')),
  ];
}

/** A remark beside the result: `# …` on each line; a command that it ends with is kept whole by `commandLines`. */
export function hintLines(text: string, command: string | null, cells: number | null): readonly string[] {
  if (command === null) return wrapWords(text, cells === null ? null : cells - 2).map((line) => `# ${line}`);
  const line = `# ${text}: ${command}`;
  if (cells === null || textWidth(line) <= cells) return [line];
  return [...hintLines(`${text}:`, null, cells), ...commandLines('  ', command, cells)];
}

/** Each with the spaces before it: a word; an option with its value. */
const words = /\s*\S+/g;
const options = /\s*\S+(?:\s+(?!-)\S+)*/g;

/** `mark` stands at the end of every line but the last; the spaces before what begins a line are dropped. */
function broken(parts: readonly string[], cells: number, hang: string, mark: string): readonly string[] {
  const room = cells - textWidth(mark);
  const lines: string[] = [];
  let current = '';
  for (const part of parts) {
    if (current.trim() === '' || textWidth(current) + textWidth(part) <= room) {
      current += part;
      continue;
    }
    lines.push(`${current}${mark}`);
    current = `${hang}${part.trimStart()}`;
  }
  return [...lines, current];
}

/** A hang that would leave less than half of a narrow terminal helps nobody. */
function hangWithin(hang: number, cells: number): number {
  return Math.min(hang, Math.floor(cells / 2));
}
