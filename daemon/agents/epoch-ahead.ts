/**
 * The rest `epoch-ahead`: the database or this host's journal holds a newer epoch than the vault has given. Each claim raises
 * the vault's epoch, which would reach the other in the end without anybody having said that it may, so nothing is claimed.
 * Whether it is still so is found by reading.
 */
import {
  EngineFailure,
  epochAhead,
  JournalUnavailable,
  type RotationVault,
  VaultDenied,
  VaultUnreachable,
} from '@sikkerkey/core/rotation/ports.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultJournal } from '../journal/vault-journal.ts';
import type { AskedRepair, PreparedAgent } from './agent-deps.ts';
import type { EngineOfTarget } from './engine-catalogue.ts';
import { personsPauseMs } from './pace.ts';

/** Whether the rest is one from which only a person leads, and in which nothing may be claimed. */
export function isForPersonAlone(errorCode: string | null): boolean {
  return errorCode === epochAhead;
}

/**
 * The epoch that the vault must exceed and does not; null where it is ahead as it should be. Claims nothing.
 * Throws EngineFailure, JournalUnavailable, VaultUnreachable or VaultDenied.
 */
export async function epochAheadOf(
  vault: Pick<RotationVault, 'newestEpoch'>,
  journal: Pick<VaultJournal, 'grantedEpoch'>,
  engine: Pick<EngineOfTarget, 'inspect' | 'markedEpoch'>,
  secretId: string,
  signal: AbortSignal,
): Promise<number | null> {
  const marked = engine.markedEpoch(await engine.inspect('rotate', signal)) ?? 0;
  const found = Math.max(marked, await journal.grantedEpoch(secretId));
  return found > 0 && found > (await vault.newestEpoch(secretId, found, signal)) ? found : null;
}

/** Also where it cannot be told, because one of the three gave no answer. */
export async function isStillAhead(prepared: Pick<PreparedAgent, 'epochAhead'>, signal: AbortSignal): Promise<boolean> {
  try {
    return (await prepared.epochAhead(signal)) !== null;
  } catch (error) {
    signal.throwIfAborted();
    const isKnown = [EngineFailure, JournalUnavailable, VaultUnreachable, VaultDenied].some((kind) => error instanceof kind);
    if (isKnown) return true;
    throw error;
  }
}

/** A repair that accepts no epoch leaves the rest as it is. Throws CatalogueError `repair-does-not-fit` for one of another rest. */
export function stayingAhead({ fits }: AskedRepair, secretId: string): number {
  if (fits !== null) throw new CatalogueError('repair-does-not-fit', { secretId, mends: fits, found: epochAhead });
  return personsPauseMs;
}
