/** Without a terminal: the table once, as lines or as one JSON object, then the end. */

import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { overviewOf } from '@sikkerkey/ui-shared/state/overview.ts';
import type { Line } from '../frame/cells.ts';
import { headerLine } from '../frame/header-line.ts';
import { agentLine, headingLine } from '../screens/agents/agent-line.ts';
import { columnsFor } from '../screens/agents/columns.ts';
import { emptyLines } from '../screens/agents/empty-lines.ts';
import type { Theme } from '../theme.ts';

const width = 100;

export async function printOnce(
  client: DaemonClient,
  clock: Timekeeper,
  theme: Theme,
  json: boolean,
  print: (line: string) => void,
): Promise<void> {
  const [{ daemon, vaults }, { agents }] = await Promise.all([client.call('daemon.status', {}), client.call('agent.list', {})]);
  if (json) {
    print(JSON.stringify({ daemon, vaults, agents }));
    return;
  }
  const now = clock.now();
  const overview = overviewOf({ kind: 'live', state: { daemon, vaults, agents } }, now);
  const columns = columnsFor(width);
  const lines: readonly Line[] =
    overview.rows.length === 0
      ? emptyLines(overview, width)
      : [headingLine(columns, width), ...overview.rows.map((row) => agentLine({ row, columns, width, now, isSelected: false, theme }))];
  for (const line of [headerLine(overview, 'agents', now, width, theme), ...lines]) print(textOf(line));
}

export function textOf(line: Line): string {
  return line
    .map(({ text }) => text)
    .join('')
    .trimEnd();
}
