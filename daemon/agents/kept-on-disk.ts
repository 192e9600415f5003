/** What of an agent is on disk: the rest in which a person is needed, and work that goes on after a restart. */
import type { RotationJournal } from '@sikkerkey/core/rotation/ports.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentDeps } from './agent-deps.ts';
import type { KeptRest } from './registry.ts';

/** A file that cannot be written must not end the work that is being shown. */
export function keepRest({ kept, log }: Pick<AgentDeps, 'kept' | 'log'>, secretId: string, rest: KeptRest | null): void {
  try {
    kept.keepRest(secretId, rest);
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error;
    log.warn('agent-rest-not-kept', { secretId, errorCode: error.code });
  }
}

/** Or slots to be left behind an un-adoption. A file that cannot be read counts as work: the driver shows what is wrong. */
export async function hasWork(deps: Pick<AgentDeps, 'kept' | 'journal'>, secretId: string): Promise<boolean> {
  try {
    const journal = deps.journal();
    return journal !== null && (deps.kept.isLeavingSlots(secretId) || (await journal.read(secretId)) !== null);
  } catch {
    return true;
  }
}

/** Throws CatalogueError `agent-busy` while the journal holds a row of the secret, JournalUnavailable where it cannot be read. */
export async function refuseWhileInFlight(journal: Pick<RotationJournal, 'read'>, secretId: string): Promise<void> {
  if ((await journal.read(secretId)) !== null) throw new CatalogueError('agent-busy', { secretId });
}
