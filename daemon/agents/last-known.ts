/** What is known of an agent outlives the daemon, so that a stopped one still has its name and version after a restart. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { StateStore } from '../facts/state-store.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { AgentRegistry } from './registry.ts';

type Kept = Pick<AgentRegistry, 'keepLastKnown'>;

/** Shows it, and keeps what was heard since this start; a file that cannot be written must not end the work that is being shown. */
export function showAndKeep(fact: AgentFact, state: Pick<StateStore, 'putAgent'>, registry: Kept, log: Pick<DaemonLog, 'warn'>): void {
  state.putAgent(fact);
  const { secretId } = fact;
  if (fact.isLastKnown === true || isUnheardOf(fact)) return;
  try {
    registry.keepLastKnown(secretId, fact);
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error;
    log.warn('agent-last-known-not-kept', { secretId, errorCode: error.code });
  }
}

function isUnheardOf({ strategy, version, serverVersion, lastRotation }: AgentFact): boolean {
  return strategy === null && version === null && serverVersion === null && lastRotation === null;
}
