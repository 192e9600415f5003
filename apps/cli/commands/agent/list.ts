/** `agent list`: the published five columns, ours behind them with `--wide`; on stderr what is wrong and what to do about it. */
import type { AgentFact, VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { agentCondition, type Condition } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { isVaultWithUs } from '@sikkerkey/ui-shared/state/vault-condition.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { padToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';

/** wire-runtime §4.7: `%-20s %-14s %-8s %-6s %s`. */
const widths = [20, 14, 8, 6] as const;
const publishedHeader = ['SECRET', 'PROVIDER', 'STATUS', 'PID', 'HOST'] as const;

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
    const now = context.clock.now();
    const lines = input.flag('wide')
      ? await wideLines(context, agents, vaults, daemon.pid, input.flag('ascii'))
      : await shownRows(context, agents, daemon.pid);
    for (const line of lines) context.terminal.print(line);
    // Most of the time there is nothing to say, and the words need not be loaded.
    const conditions = agents.map((agent) => agentCondition(agent, now, isVaultWithUs(vaults, agent.vaultId)));
    if (agents.every(({ errorCode }, index) => errorCode === null && isQuiet(conditions[index]))) return 0;
    const { agentNotes } = await import('./agent-notes.ts');
    for (const [words, command] of agents.flatMap((agent, index) => agentNotes(agent, conditions[index], vaults)))
      context.hint(words, command);
    return 0;
  },
};

/** Conditions of an agent that does what it should. */
function isQuiet(condition: Condition | undefined): boolean {
  return condition?.tone === 'good' || condition?.tone === 'busy';
}

function statusOf(agent: AgentFact): 'running' | 'stopped' {
  return agent.running ? 'running' : 'stopped';
}

/** The published five columns; where the terminal is too narrow for them, as our own tables. */
async function shownRows({ terminal: { columns } }: Context, agents: readonly AgentFact[], pid: number): Promise<readonly string[]> {
  const cells = [publishedHeader, ...agents.map((agent) => publishedCells(agent, pid))];
  const rows = cells.map((row) =>
    row
      .map((cell, column) => padToWidth(safeText(cell), widths[column] ?? 0))
      .join(' ')
      .trimEnd(),
  );
  if (columns === null || rows.every((row) => textWidth(row) <= columns)) return rows;
  const { tableLines } = await import('../../table.ts');
  return tableLines(publishedHeader, cells.slice(1), columns);
}

function publishedCells(agent: AgentFact, pid: number): readonly string[] {
  return [agent.secretId, agent.provider, statusOf(agent), agent.running ? String(pid) : '-', agent.host ?? ''];
}

async function wideLines(
  { terminal, clock }: Context,
  agents: readonly AgentFact[],
  vaults: readonly VaultFact[],
  pid: number,
  ascii: boolean,
): Promise<readonly string[]> {
  const { wideCells, wideHeader } = await import('./list-wide.ts');
  const { tableLines } = await import('../../table.ts');
  const rows = agents.map((agent) => [...publishedCells(agent, pid), ...wideCells(agent, vaults, clock.now(), ascii)]);
  return tableLines([...publishedHeader, ...wideHeader], rows, terminal.columns);
}
