/** Follows a rotation on the terminal until its new password is live; what comes later (draining) goes on without us. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { followAgent, type RotationStage, rotationStage } from '@sikkerkey/ui-shared/actions/follow-rotation.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { conditionOfState } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { progressLine } from '@sikkerkey/ui-shared/wording/progress.ts';
import type { Context } from '../../context.ts';

/**
 * Throws CatalogueError `rotation-needs-attention` when it did not go through, `agent-not-running` or `agent-unknown-here`
 * when its agent was stopped or removed before it could, and Interrupted after Ctrl-C: the rotation then goes on.
 */
export async function waitUntilPromoted(context: Context, client: DaemonClient, secretId: string, rotationId: string): Promise<void> {
  const { terminal } = context;
  const interruption = terminal.interruption();
  let before: AgentFact | null = null;
  const ends: { readonly stage: RotationStage; readonly agent: AgentFact | null }[] = [];
  await followAgent(
    client,
    secretId,
    (agent) => {
      const line = agent === null ? null : progressLine(before, agent);
      before = agent;
      if (line !== null && !context.json)
        for (const shown of wrapWords(`  ${line}`, terminal.complaintColumns, 4)) terminal.complain(shown);
      const stage = agent === null ? 'failed' : rotationStage(agent, rotationId);
      if (stage !== 'under-way') ends.push({ stage, agent });
      return stage !== 'under-way';
    },
    interruption,
  );
  const [end] = ends;
  if (end === undefined) {
    context.hint('the rotation goes on in the daemon; to follow it', `sikkerkey agent start --secret ${secretId}`);
    interruption.throwIfAborted();
  } else if (end.stage === 'failed') throw failureOf(end.agent, secretId, rotationId);
}

function failureOf(agent: AgentFact | null, secretId: string, rotationId: string): CatalogueError {
  if (agent === null) return new CatalogueError('agent-unknown-here', { secretId });
  if (agent.state === 'STOPPED' && agent.lastRotation?.rotationId !== rotationId)
    return new CatalogueError('agent-not-running', { secretId });
  return new CatalogueError('rotation-needs-attention', {
    secretId,
    state: conditionOfState(agent.state),
    reason: agent.errorCode ?? agent.lastRotation?.outcome ?? 'no reason given',
  });
}
