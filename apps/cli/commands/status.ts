/** `status`: daemon, vaults and agents at a glance; exit 6 when something needs a person, paused or not. */

import type { LocalResult } from '@sikkerkey/protocol/local/methods.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { skewWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import { agentCondition } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { countConditions, countWords } from '@sikkerkey/ui-shared/state/counts.ts';
import { hasBeenAsked, isVaultWithUs, vaultCondition } from '@sikkerkey/ui-shared/state/vault-condition.ts';
import { needsSomebody } from '@sikkerkey/ui-shared/wording/agent-trouble.ts';
import { successorWait } from '@sikkerkey/ui-shared/wording/approval.ts';
import { wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { approvalHint } from '../approval-hint.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { factLines } from '../table.ts';
import { agentNotes } from './agent/agent-notes.ts';

const needsAttention = 6;
/** A daemon that was started just now has not heard its vaults yet; that is no trouble to report. */
const askingTakesMs = 3000;
const lookAgainMs = 100;

export const status: Command = {
  details: [
    'Exit code 0: all is well, or mends itself. 6: somebody has to act, also where the agent concerned is stopped. An agent that was stopped and has nothing wrong is well.',
  ],
  run: async (_input, context) => {
    const client = await context.connect();
    const { daemon, vaults } = await statusOnceAsked(context, client);
    const { agents } = await client.call('agent.list', {});
    const now = context.clock.now();
    const conditions = agents.map((agent) => agentCondition(agent, now, isVaultWithUs(vaults, agent.vaultId)));
    const isWell =
      daemon.journal === 'ok' &&
      vaults.every(({ reachable, sealed, machineState }) => reachable && !sealed && machineState === 'approved') &&
      vaults.every((vault) => successorWait(vault) === null) &&
      agents.every((agent, index) => !needsSomebody(agent, conditions[index]));
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
    for (const line of factLines(facts, context.terminal.columns)) context.terminal.print(line);
    const notes = agents.flatMap((agent, index) => agentNotes(agent, conditions[index], vaults));
    for (const [words, command] of notes) context.hint(words, command);
    for (const [words, command] of vaults.flatMap(vaultTroubles)) context.hint(words, command);
    const pending = vaults.find(({ machineState }) => machineState === 'pending');
    if (vaults.length === 0) context.hint('next', 'sikkerkey enroll --api-url <url>');
    else if (pending !== undefined) context.hint(...approvalHint(pending));
    else if (agents.length === 0) context.hint('next', 'sikkerkey agent start --secret <id>');
    return isWell ? 0 : needsAttention;
  },
};

/** What somebody has to do about this host's identity at a vault. */
function vaultTroubles(vault: VaultFact): (readonly [words: string, command: string])[] {
  const { errorCode, errorDetails = {} } = vault;
  const ofSuccessor = successorWait(vault);
  const { whatHappened, nextStep } = wordsForError(errorCode ?? '', errorDetails);
  const ofIdentity = errorCode === 'identity-unusable' ? [[whatHappened, nextStep ?? ''] as const] : [];
  return [...ofIdentity, ...(ofSuccessor === null ? [] : [ofSuccessor])];
}

async function statusOnceAsked({ clock }: Context, client: DaemonClient): Promise<LocalResult<'daemon.status'>> {
  const until = clock.now() + askingTakesMs;
  for (;;) {
    const answer = await client.call('daemon.status', {});
    if (answer.vaults.every(hasBeenAsked) || clock.now() >= until) return answer;
    await clock.sleep(lookAgainMs);
  }
}
