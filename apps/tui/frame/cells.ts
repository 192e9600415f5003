/** A line as cells of fixed width with a tone each: what is drawn is exactly as wide as it was computed. */
import type { Tone } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { fitToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';

export interface Cell {
  readonly text: string;
  readonly tone: Tone | 'plain' | 'accent';
  readonly bold?: boolean;
}

export type Line = readonly Cell[];

/** One cell, cut or filled to `width`. */
export function cell(text: string, width: number, tone: Cell['tone'] = 'plain', bold = false): Cell {
  return { text: fitToWidth(text, width), tone, ...(bold ? { bold } : {}) };
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + textWidth(text), 0);
}

/** Two groups at the two ends of a line of `width` cells; the right one gives way when there is no room for both. */
export function spread(left: Line, right: Line, width: number): Line {
  const room = width - lineWidth(left) - lineWidth(right);
  if (room >= 1) return [...left, { text: ' '.repeat(room), tone: 'plain' }, ...right];
  return fitLine(left, width);
}

/** Exactly `width` cells. */
export function fitLine(line: Line, width: number): Line {
  let left = width;
  const fitted: Cell[] = [];
  for (const part of line) {
    if (left <= 0) break;
    const own = textWidth(part.text);
    fitted.push(own <= left ? part : { ...part, text: fitToWidth(part.text, left) });
    left -= Math.min(own, left);
  }
  return left > 0 ? [...fitted, { text: ' '.repeat(left), tone: 'plain' }] : fitted;
}
