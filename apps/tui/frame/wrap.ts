/** Text over as many lines as it needs: what must be read whole (plans, commands, what is wrong) is never cut. */
import { wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { cutToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';

/** Between words; a word longer than a whole line, which the screen would cut, goes on in the next. */
export function wrapText(text: string, width: number, hang: number): readonly string[] {
  return wrapWords(text, width, hang).flatMap((line) => splitAtWidth(line, width, hang));
}

function splitAtWidth(line: string, width: number, hang: number): readonly string[] {
  const lines: string[] = [];
  let rest = line;
  while (textWidth(rest) > width && width > hang + 2) {
    const head = cutToWidth(rest, width, '');
    lines.push(head);
    rest = ' '.repeat(hang) + rest.slice(head.length);
  }
  return [...lines, rest];
}
