/** An empty list teaches: what is missing, and the commands that bring it. */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { type Cell, fitLine, type Line } from '../../frame/cells.ts';
import type { Theme } from '../../theme.ts';

const words = (text: string): Line => [{ text: ` ${text}`, tone: 'plain' }];
const command = (text: string): Line => [{ text: `   ${text}`, tone: 'accent', bold: true } satisfies Cell];

export function emptyLines(overview: Overview, width: number, theme: Theme): readonly Line[] {
  return contentOf(overview, theme).map((line) => fitLine(line, width));
}

function contentOf({ isLive, vaults }: Overview, theme: Theme): readonly Line[] {
  if (!isLive) return [[], words('Nothing is known yet. The list fills as soon as the daemon answers.')];
  if (vaults.length === 0) {
    return [
      [],
      words('This machine is not enrolled in a vault yet. It takes a minute:'),
      [],
      command('sikkerkey enroll --api-url <url>'),
      [],
      words(`The token comes from an operator${theme.glyph(': ', ': ')}sikkerkey admin machine token`),
    ];
  }
  return [
    [],
    words('No agent runs here yet. Three commands put a database login under management:'),
    [],
    command('sikkerkey admin secret create-managed <name> --project <id> --host <host> --database <name> --username <user>'),
    command('sikkerkey admin grant add <secret> --machine <id> --permission rotate'),
    command('sikkerkey agent adopt --secret <secret>'),
  ];
}
