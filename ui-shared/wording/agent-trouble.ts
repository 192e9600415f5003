/** What is wrong with an agent and the command that mends it: the same on every surface that shows agents. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { Condition } from '../state/agent-condition.ts';
import { wordsForError } from './errors.ts';
import { safeText } from './safe-text.ts';

export interface AgentTrouble {
  readonly title: string;
  /** A command to paste, or null where waiting is the remedy. */
  readonly nextStep: string | null;
}

/** Whether a person has to act: by the condition, or by an error that does not mend itself and stays while the agent is stopped. */
export function needsSomebody(agent: AgentFact, condition: Condition | undefined): boolean {
  if (condition?.needsYou === true) return true;
  return agent.errorCode !== null && wordsForError(agent.errorCode, agent.errorDetails).whoMustAct !== 'nobody, retrying';
}

/**
 * Null when nothing is wrong. A stopped agent must be started before anything else can be mended; otherwise the daemon's
 * own word (its error code) comes before what the condition alone says.
 */
export function agentTrouble(agent: AgentFact, condition: Condition): AgentTrouble | null {
  if (agent.errorCode !== null && agent.running) {
    const { title, nextStep } = wordsForError(agent.errorCode, { ...agent.errorDetails, secretId: agent.secretId });
    return { title, nextStep };
  }
  const ofThis = `--secret ${safeText(agent.secretId)}`;
  if (!agent.running && condition.name !== 'UNKNOWN') {
    // Without a version nothing was read from the vault yet, adoption least of all.
    return agent.adopted || agent.version === null
      ? { title: 'stopped: nobody applies a rotation', nextStep: `sikkerkey agent start ${ofThis}` }
      : { title: 'not under management yet', nextStep: `sikkerkey agent adopt ${ofThis}` };
  }
  switch (condition.name) {
    case 'OK':
    case 'ROTATING':
    case 'DRAINING':
    case 'WAITING':
    case 'UNKNOWN':
    case 'PAUSED':
      return null;
    case 'LATE':
    case 'OFFLINE':
      return { title: 'the vault has not heard this agent lately', nextStep: 'sikkerkey status' };
    case 'DENIED':
    case 'DRIFT':
    case 'REJECTED':
    case 'SPLIT':
    case 'QUARANTINED':
    case 'BLOCKED':
      return { title: 'the agent does not go on by itself', nextStep: `sikkerkey agent test ${ofThis}` };
    case 'NO JOURNAL':
      return { title: wordsForError('journal-unavailable', {}).title, nextStep: 'sikkerkey daemon status' };
    default:
      return condition.name satisfies never;
  }
}
