/** `agent list`: the published five columns; what is ours stands behind them with `--wide`. */
import type { AgentFact, VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { padToWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import type { Command } from '../../command.ts';

/** wire-runtime §4.7: `%-20s %-14s %-8s %-6s %s`. */
const widths = [20, 14, 8, 6] as const;

export const list: Command = {
  options: {
    wide: { type: 'flag', short: 'w', help: 'also condition, heartbeat, version, next rotation, name' },
    ascii: { type: 'flag', help: 'no glyphs beyond ASCII' },
  },
  run: async (input, context) => {
    const client = await context.connect();
    const [{ agents }, { daemon, vaults }] = await Promise.all([client.call('agent.list', {}), client.call('daemon.status', {})]);
    if (context.json) {
      context.printJson({ agents: agents.map((agent) => ({ ...agent, status: statusOf(agent), pid: agent.running ? daemon.pid : null })) });
      return 0;
    }
    if (agents.length === 0) {
      context.terminal.print('No agents running.');
      return 0;
    }
    const lines = agents.map((agent) => publishedRow(agent, daemon.pid));
    const published = [formatRow(['SECRET', 'PROVIDER', 'STATUS', 'PID', 'HOST']), ...lines];
    const shown = input.flag('wide') ? await besideOurs(published, agents, vaults, context.clock.now(), input.flag('ascii')) : published;
    for (const line of shown) context.terminal.print(line);
    return 0;
  },
};

function statusOf(agent: AgentFact): 'running' | 'stopped' {
  return agent.running ? 'running' : 'stopped';
}

function publishedRow(agent: AgentFact, pid: number): string {
  return formatRow([agent.secretId, agent.provider, statusOf(agent), agent.running ? String(pid) : '-', agent.host ?? '']);
}

function formatRow(cells: readonly string[]): string {
  const padded = cells.map((cell, column) => padToWidth(safeText(cell), widths[column] ?? 0));
  return padded.join(' ').trimEnd();
}

async function besideOurs(
  published: readonly string[],
  agents: readonly AgentFact[],
  vaults: readonly VaultFact[],
  now: number,
  ascii: boolean,
): Promise<readonly string[]> {
  const { wideCells, wideHeader } = await import('./list-wide.ts');
  const { tableLines } = await import('../../table.ts');
  const rows = agents.map((agent, index) => [published[index + 1] ?? '', ...wideCells(agent, vaults, now, ascii)]);
  return tableLines([published[0] ?? '', ...wideHeader], rows);
}
