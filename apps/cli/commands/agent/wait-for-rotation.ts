/** Follows a rotation on the terminal until its new password is live; what comes later (draining) goes on without us. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { followAgent, rotationStage } from '@sikkerkey/ui-shared/actions/follow-rotation.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { conditionOfState } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { progressLine } from '@sikkerkey/ui-shared/wording/progress.ts';
import type { Context } from '../../context.ts';

/** Throws `rotation-needs-attention` when it did not go through. Ends early, without a throw, when interrupted. */
export async function waitUntilPromoted(context: Context, client: DaemonClient, secretId: string, rotationId: string): Promise<void> {
  const { terminal } = context;
  let before: AgentFact | null = null;
  const failed: AgentFact[] = [];
  await followAgent(
    client,
    secretId,
    (agent) => {
      if (agent === null) return false;
      const line = progressLine(before, agent);
      before = agent;
      if (line !== null && !context.json)
        for (const shown of wrapWords(`  ${line}`, terminal.complaintColumns, 4)) terminal.complain(shown);
      const stage = rotationStage(agent, rotationId);
      if (stage === 'failed') failed.push(agent);
      return stage !== 'under-way';
    },
    terminal.interruption(),
  );
  const [agent] = failed;
  if (agent === undefined) return;
  throw new CatalogueError('rotation-needs-attention', {
    secretId,
    state: conditionOfState(agent.state),
    reason: agent.errorCode ?? agent.lastRotation?.outcome ?? 'no reason given',
  });
}
