/** `status`: daemon, vaults and agents at a glance; exit 6 when something needs a person. */

import { skewWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import { agentCondition } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { countConditions, countWords } from '@sikkerkey/ui-shared/state/counts.ts';
import { isVaultWithUs, vaultCondition } from '@sikkerkey/ui-shared/state/vault-condition.ts';
import { wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import type { Command } from '../command.ts';
import { factLines } from '../table.ts';

const needsAttention = 6;

export const status: Command = {
  run: async (_input, context) => {
    const client = await context.connect();
    const [{ daemon, vaults }, { agents }] = await Promise.all([client.call('daemon.status', {}), client.call('agent.list', {})]);
    const now = context.clock.now();
    const conditions = agents.map((agent) => agentCondition(agent, now, isVaultWithUs(vaults, agent.vaultId)));
    const isWell =
      daemon.journal === 'ok' &&
      vaults.every(({ reachable, sealed, machineState }) => reachable && !sealed && machineState === 'approved') &&
      conditions.every(({ needsYou }) => !needsYou);
    if (context.json) {
      context.printJson({ daemon, vaults, agents: agents.length, counts: countConditions(conditions), needsAttention: !isWell });
      return isWell ? 0 : needsAttention;
    }
    const facts: [string, string][] = [
      ['daemon', `running · pid ${daemon.pid} · version ${daemon.version} · up ${spanWords(now - daemon.startedAt)}`],
      ['journal', daemon.journal === 'ok' ? 'ok' : 'UNAVAILABLE: no rotation begins until it is back'],
    ];
    for (const vault of vaults) {
      const { glyph, word } = vaultCondition(vault);
      const latency = vault.latencyMs === null || !vault.reachable ? '' : ` · ${Math.round(vault.latencyMs)} ms`;
      facts.push(['vault', `${glyph} ${vault.vaultId} · ${word}${latency} · skew ${skewWords(vault.skewMs)} · ${vault.apiUrl}`]);
    }
    facts.push(['agents', agents.length === 0 ? 'none' : countWords(conditions)]);
    for (const line of factLines(facts)) context.terminal.print(line);
    for (const agent of agents) {
      if (agent.errorCode === null) continue;
      const words = wordsForError(agent.errorCode, agent.errorDetails);
      context.terminal.print(`  ${agent.secretId}: ${words.title} (${words.code})${words.nextStep === null ? '' : ` · ${words.nextStep}`}`);
    }
    if (vaults.length === 0) context.terminal.complain('# next: sikkerkey enroll --api-url <url>');
    else if (agents.length === 0) context.terminal.complain('# next: sikkerkey agent start --secret <id>');
    return isWell ? 0 : needsAttention;
  },
};
