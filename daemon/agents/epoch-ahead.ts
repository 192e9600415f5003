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
import { candidatesOf } from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultJournal } from '../journal/vault-journal.ts';
import type { VaultContext } from '../vault-link/vaults.ts';
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
  return epochAboveVaults(vault, journal, engine.markedEpoch(await engine.inspect('rotate', signal)), secretId, signal);
}

/** The same, of a mark that was read before; null: of none. */
export async function epochAboveVaults(
  vault: Pick<RotationVault, 'newestEpoch'>,
  journal: Pick<VaultJournal, 'grantedEpoch'>,
  marked: number | null,
  secretId: string,
  signal: AbortSignal,
): Promise<number | null> {
  const found = Math.max(marked ?? 0, await journal.grantedEpoch(secretId));
  return found > 0 && found > (await vault.newestEpoch(secretId, found, signal)) ? found : null;
}

/**
 * Before an adoption: what the database shows may be that of another one, which the vault has forgotten and no person should
 * clear away by hand. Throws CatalogueError `epoch-ahead`, JournalUnavailable, VaultUnreachable or VaultDenied.
 */
export async function refuseForgotten(
  { port, journal }: Pick<VaultContext, 'port' | 'journal'>,
  secretId: string,
  marked: number | null,
  signal: AbortSignal,
): Promise<void> {
  if ((await epochAboveVaults(port, journal, marked, secretId, signal)) !== null) throw new CatalogueError(epochAhead, { secretId });
}

/**
 * Also where it cannot be told, because one of the three gave no answer. Where it is no longer so, a person may have said it
 * at another host, which does not know what the row of this one does: before anything is claimed it becomes a repair.
 */
export async function isStillAhead(
  { epochAhead: read, drive: { journal } }: Pick<PreparedAgent, 'epochAhead' | 'drive'>,
  secretId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if ((await read(signal)) !== null) return true;
    const row = await journal.read(secretId);
    if (row !== null) await journal.write(asRepair(row));
    return false;
  } catch (error) {
    signal.throwIfAborted();
    const isKnown = [EngineFailure, JournalUnavailable, VaultUnreachable, VaultDenied].some((kind) => error instanceof kind);
    if (isKnown) return true;
    throw error;
  }
}

/**
 * All that the row names is looked for, under numbers below zero: the vault may know nothing of a version any more, or have
 * given its number anew. The live one stays beside them as what was live here last.
 */
export function asRepair({ versions, credentials, ...row }: JournalRow): JournalRow {
  const { live } = versions;
  const known = candidatesOf(versions).flatMap(({ slot, version }) => {
    const credential = credentials.get(version);
    return credential === undefined ? [] : [{ slot, credential }];
  });
  const once = known.filter(({ slot, credential: { password } }, index) => {
    return known.findIndex((other) => other.slot === slot && other.credential.password.equals(password)) === index;
  });
  const forgotten = once.map(({ slot, credential }, index) => ({ ref: { slot, version: -1 - index }, credential }));
  const kept = new Map([...credentials].filter(([version]) => version === live.version));
  for (const { ref, credential } of forgotten) kept.set(ref.version, credential);
  const retired = forgotten.map(({ ref }) => ref);
  return { ...row, rotationId: null, goal: 'repair', versions: { live, pending: null, previous: null, retired }, credentials: kept };
}

/**
 * How a repair that is asked for at this rest ends without having begun, in milliseconds until the next run; null where it
 * goes on. One that accepts no epoch leaves the rest as it is. Throws CatalogueError `repair-does-not-fit` for one of another.
 */
export function endedBefore({ fits }: AskedRepair, isAhead: boolean, secretId: string): number | null {
  const accepts = isForPersonAlone(fits);
  if (!isAhead) return accepts ? 0 : null;
  if (accepts) return null;
  if (fits !== null) throw new CatalogueError('repair-does-not-fit', { secretId, mends: fits, found: epochAhead });
  return personsPauseMs;
}
