/**
 * `agent start`: starts the agent in the daemon and follows what it does until interrupted. Ctrl-C ends the following
 * only: the work belongs to the daemon, and `agent stop` stops it.
 */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { followAgent } from '@sikkerkey/ui-shared/actions/follow-rotation.ts';
import { clockWords } from '@sikkerkey/ui-shared/state/age.ts';
import { leadLines } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { progressLine } from '@sikkerkey/ui-shared/wording/progress.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';

export const start: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    vault: { type: 'text', placeholder: 'id', help: 'the vault of the secret, where there is more than one' },
    detach: { type: 'flag', help: 'start it and return at once' },
  },
  details: [
    'Follows the agent until interrupted. The agent itself runs in the daemon and goes on afterwards; `sikkerkey agent stop` stops it.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const vaultId = input.optionalIdentifier('vault') ?? context.environment.vault;
    const client = await context.connect();
    const agent = await client.call('agent.start', { secretId, ...(vaultId === undefined ? {} : { vaultId }) });
    if (input.flag('detach')) {
      if (context.json) context.printJson(agent);
      else context.terminal.print(`started ${secretId}`);
      return 0;
    }
    if (!context.json) introduce(context, agent);
    let before: AgentFact | null = null;
    await followAgent(
      client,
      secretId,
      (after) => {
        if (after === null) return true;
        const line = progressLine(before, after);
        before = after;
        if (line !== null && context.json) context.printJson(after);
        else if (line !== null) tellAt(context, line);
        return false;
      },
      context.terminal.interruption(),
    );
    if (!context.json) context.hint('the agent goes on in the daemon; to stop it', `sikkerkey agent stop --secret ${secretId}`);
    return 0;
  },
};

/** What is said of a moment; the lines below the first stand behind its time. */
function tellAt({ clock, terminal }: Context, line: string): void {
  for (const shown of leadLines(`${clockWords(clock.now())}  `, line, terminal.columns)) terminal.print(shown);
}

function introduce({ hint }: Context, agent: AgentFact): void {
  const place = agent.host === null ? '' : ` at ${safeText(agent.host)}:${agent.port ?? '?'}`;
  hint(`${agent.secretId} · ${safeText(agent.name)} · ${safeText(agent.provider)}${place} · following until interrupted (Ctrl-C)`);
}
