/** The columns of `agent list --wide`: condition, beat, version, rotation, next, name; in the words of ui-shared. */
import type { AgentFact, VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { dueWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import { agentCondition } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { stepNumber } from '@sikkerkey/ui-shared/state/step-rail.ts';
import { isVaultWithUs } from '@sikkerkey/ui-shared/state/vault-condition.ts';
import { padToWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';

export const wideHeader = ['CONDITION', 'BEAT', 'VER', 'STEP', 'NEXT', 'TLS', 'NAME'] as const;

export function wideCells(agent: AgentFact, vaults: readonly VaultFact[], now: number, ascii: boolean): readonly string[] {
  const condition = agentCondition(agent, now, isVaultWithUs(vaults, agent.vaultId));
  const newest = agent.beats.at(-1);
  const step = agent.step === null || condition.name === 'OK' ? '-' : `${stepNumber(agent.step)} ${agent.step}`;
  const dash = (text: string): string => (ascii ? text.replaceAll('—', '-') : text);
  return [
    `${padToWidth(ascii ? condition.ascii : condition.glyph, 2)} ${condition.name}`,
    dash(spanWords(newest === undefined ? null : now - newest)),
    agent.version === null ? '-' : `v${agent.version}${agent.isLastKnown === true ? ' (last known)' : ''}`,
    step,
    dash(dueWords(agent.nextRotationAt, now)),
    agent.tls === 'disable' ? 'OFF' : (agent.tls ?? '-'),
    agent.name,
  ];
}
