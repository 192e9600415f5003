/** What is refused outside a rotation, where login slots are made and dropped: the claim by the vault, or its epoch by the fence. */
import { type ClaimOutcome, EngineFailure, epochAhead, type RotationVault } from '@sikkerkey/core/rotation/ports.ts';
import type { Claim } from '@sikkerkey/core/rotation/types.ts';
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
    if (isRefused && (await vault.newestEpoch(secretId, epoch, signal)) <= epoch)
      throw new CatalogueError(epochAhead, { secretId }, { cause });
    throw cause;
  }
}

/** Throws CatalogueError `epoch-ahead` where the vault has gone back, or `agent-busy`. */
export function grantedClaim(outcome: ClaimOutcome, secretId: string): Claim {
  if (outcome.kind === 'claimed') return outcome.claim;
  throw new CatalogueError(outcome.kind === 'behind' ? epochAhead : 'agent-busy', { secretId });
}
