/** What is wrong with an agent and what to do about it, as hints: for the commands that list agents. */
import type { AgentFact, VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { Condition } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { agentTrouble } from '@sikkerkey/ui-shared/wording/agent-trouble.ts';

/** None for an agent that does what it should. */
export function agentNotes(
  agent: AgentFact,
  condition: Condition | undefined,
  vaults: readonly VaultFact[],
): readonly (readonly [words: string, command?: string])[] {
  if (condition === undefined) return [];
  const trouble = agentTrouble(withMachine(agent, vaults), condition);
  if (trouble === null) return [];
  const words = `${agent.secretId} is ${condition.name}: ${trouble.title}`;
  return [trouble.nextStep === null ? [words] : [`${words}; next`, trouble.nextStep]];
}

/** A remedy may have to name this machine, which the vault's fact knows. */
function withMachine(agent: AgentFact, vaults: readonly VaultFact[]): AgentFact {
  const machineId = vaults.find(({ vaultId }) => vaultId === agent.vaultId)?.machineId;
  return machineId === undefined ? agent : { ...agent, errorDetails: { machineId, ...agent.errorDetails } };
}
