/** The word on the last act where the footer has no room for it: lines of its own above the footer, a command whole. */
import { commandLines } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import { fitLine, type Line } from './cells.ts';
import type { NoticeWords } from './notice-words.ts';
import { wrapText } from './wrap.ts';

/** Beside a short word the footer still has its keys. */
const roomForKeys = 24;

/** Whether the footer can say it, and be of use still. */
export function fitsFooter({ text, wayOut }: NoticeWords, width: number): boolean {
  return wayOut === null && textWidth(text) + 2 <= width - roomForKeys;
}

/** None for what the footer says. */
export function noticeLines(notice: NoticeWords | null, width: number): readonly Line[] {
  if (notice === null || fitsFooter(notice, width)) return [];
  const { text, wayOut } = notice;
  const said = wrapText(` ${text}`, width, 3).map((part): Line => [{ text: part, tone: 'accent' }]);
  if (wayOut === null) return said.map((line) => fitLine(line, width));
  const [words, command] = wayOut;
  const lead = wrapText(` ${words}:`, width, 3).map((part): Line => [{ text: part, tone: 'grey' }]);
  const whole = commandLines('   ', command, width).map((part): Line => [{ text: part, tone: 'accent', bold: true }]);
  return [...said, ...lead, ...whole].map((line) => fitLine(line, width));
}
