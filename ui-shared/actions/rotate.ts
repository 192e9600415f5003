/** Plan and rotate as every front end does it: the plan is asked for anew each time, and nothing runs without one. */
import type { LocalResult, Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { DaemonClient } from '../client/daemon-client.ts';

const planDeadlineMs = 60_000;
const rotateDeadlineMs = 30_000;

/** Throws DaemonError. */
export async function planRotation(client: DaemonClient, secretId: string): Promise<Plan> {
  return client.call('agent.plan', { secretId, kind: 'rotate' }, { deadlineMs: planDeadlineMs });
}

/** Throws DaemonError. The rotation goes on when this front end is gone. */
export async function beginRotation(client: DaemonClient, secretId: string): Promise<LocalResult<'agent.rotate'>> {
  return client.call('agent.rotate', { secretId }, { deadlineMs: rotateDeadlineMs });
}
