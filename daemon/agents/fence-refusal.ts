/** What a fence refuses outside a rotation: login slots are made and dropped under a claim that the vault has just granted. */
import { EngineFailure, epochAhead, type RotationVault } from '@sikkerkey/core/rotation/ports.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

/**
 * Throws CatalogueError `epoch-ahead` where the database holds a newer epoch although the vault has granted none since;
 * where it has, another agent went on, and the failure stays as it is.
 */
export async function tellingEpochAhead<T>(
  vault: RotationVault,
  claim: { readonly secretId: string; readonly epoch: number },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { secretId, epoch } = claim;
  try {
    return await work();
  } catch (cause) {
    const isRefused = cause instanceof EngineFailure && cause.kind === 'newer-epoch';
    if (isRefused && (await vault.isNewestEpoch(secretId, epoch, signal))) throw new CatalogueError(epochAhead, { secretId }, { cause });
    throw cause;
  }
}
