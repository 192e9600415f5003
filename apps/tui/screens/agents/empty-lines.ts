/** An empty list teaches: what is missing, and the commands that bring it. */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { commandLines } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { fitLine, type Line } from '../../frame/cells.ts';
import { wrapText } from '../../frame/wrap.ts';

export function emptyLines(overview: Overview, width: number): readonly Line[] {
  return contentOf(overview, width).map((line) => fitLine(line, width));
}

function contentOf({ isLive, vaults }: Overview, width: number): readonly Line[] {
  const words = (text: string): readonly Line[] => wrapText(` ${text}`, width, 1).map((part) => [{ text: part, tone: 'plain' }]);
  /** Never cut: a command that ends in the middle helps nobody. */
  const command = (text: string): readonly Line[] =>
    commandLines('   ', text, width).map((part) => [{ text: part, tone: 'accent', bold: true }]);
  if (!isLive) return [[], ...words('Nothing is known yet. The list fills as soon as the daemon answers.')];
  if (vaults.length === 0) {
    return [
      [],
      ...words('This machine is not enrolled in a vault yet. It takes a minute:'),
      [],
      ...command('sikkerkey enroll --api-url <url>'),
      [],
      ...words('It asks for a token, which comes from an operator:'),
      [],
      ...command('sikkerkey admin machine token'),
    ];
  }
  return [
    [],
    ...words('No agent runs here yet. Three commands put a database login under management:'),
    [],
    ...command('sikkerkey admin secret create-managed <name> --project <id> --host <host> --database <name> --username <user>'),
    ...command('sikkerkey admin grant add <secret> --machine <id> --permission rotate'),
    ...command('sikkerkey agent adopt --secret <secret>'),
  ];
}
