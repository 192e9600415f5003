/** Follows one agent's changes on an open client, and tells when a rotation has got somewhere. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { stateChangeNotification, subscriberTooSlowNotification } from '@sikkerkey/protocol/local/wire.ts';
import type { DaemonClient } from '../client/daemon-client.ts';
import { DaemonError } from '../client/daemon-error.ts';
import { Mirror } from '../mirror/mirror.ts';

/**
 * Calls `onFact` with the agent as it is and after each change, until it answers true or `signal` aborts. Every change
 * is seen, in order. Throws DaemonError (`daemon-connection-lost` when the daemon goes, or when a change was missed).
 */
export async function followAgent(
  client: DaemonClient,
  secretId: string,
  onFact: (agent: AgentFact | null) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const done = Promise.withResolvers<void>();
  // Subscribed before the snapshot is asked for, else a change in between is lost.
  const early: unknown[] = [];
  let mirror: Mirror | null = null;
  const lost = (): void => {
    done.reject(new DaemonError({ code: 'daemon-connection-lost', retryable: true, details: {} }));
  };
  const take = (change: unknown): void => {
    if (mirror === null) {
      early.push(change);
      return;
    }
    const taken = mirror.apply(change);
    if (taken === 'gap') lost();
    else if (taken === 'applied' && onFact(mirror.agent(secretId) ?? null)) done.resolve();
  };
  const stopListening = client.onNotification((method, params) => {
    if (method === subscriberTooSlowNotification) lost();
    else if (method === stateChangeNotification) take(params);
  });
  const onAbort = (): void => {
    done.resolve();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  client.onClose(lost);
  try {
    mirror = new Mirror(await client.call('state.subscribe', {}));
    if (onFact(mirror.agent(secretId) ?? null)) return;
    for (const change of early) take(change);
    if (signal?.aborted === true) return;
    await done.promise;
  } finally {
    stopListening();
    signal?.removeEventListener('abort', onAbort);
    // Nobody waits for it any more where another way out was taken.
    done.promise.catch(() => undefined);
  }
}

export type RotationStage = 'under-way' | 'promoted' | 'over' | 'failed';

/**
 * Where the rotation of this id has got to, from one fact of its agent. Whoever waits for an answer (SPLIT, unreachable) is
 * under way, as long as its agent runs: what is not live yet is nobody's work where it was stopped.
 */
export function rotationStage(agent: AgentFact, rotationId: string): RotationStage {
  if (agent.lastRotation?.rotationId === rotationId) return hasGoneThrough(agent.lastRotation.outcome) ? 'over' : 'failed';
  const unfinished = agent.running ? 'under-way' : 'failed';
  if (agent.rotationId !== rotationId) return unfinished;
  switch (agent.state) {
    case 'PROMOTED':
    case 'DRAINING':
      return 'promoted';
    case 'RETIRED':
      return 'over';
    case 'REJECTED':
    case 'ROLLED_BACK':
    case 'QUARANTINED':
    case 'ACCESS_DENIED':
      return 'failed';
    default:
      return unfinished;
  }
}

/** Outcomes of a receipt after which the new password is live (core/rotation/types.ts). */
function hasGoneThrough(outcome: string): boolean {
  return outcome === 'rotated';
}
