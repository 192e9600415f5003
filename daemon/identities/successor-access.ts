/**
 * What this host would lose if a successor took the place of the identity in use now. An approval says who a machine is, not
 * what it may do: a successor without grants would stop every agent here, and the key that could go on is overwritten.
 */
import { VaultDenied } from '@sikkerkey/core/rotation/ports.ts';
import type { MachineAnswer } from '@sikkerkey/protocol/vault/machine.ts';

type Listed = MachineAnswer<'listSecrets'>['secrets'];

export interface Loss {
  readonly secretId: string;
  readonly projectId: string;
  readonly permission: 'read' | 'rotate';
}

/**
 * The first secret that the identity in use may use and its successor may not, or may not rotate though its agent runs
 * here. Null where nothing is lost, as with an identity that the vault denies. Throws what the asking throws.
 */
export async function firstLoss(
  inUse: () => Promise<Listed>,
  successor: () => Promise<Listed>,
  hasAgentHere: (secretId: string) => boolean,
): Promise<Loss | null> {
  const before = await unlessDenied(inUse);
  if (before.length === 0) return null;
  const after = new Map((await unlessDenied(successor)).map((one) => [one.secretId, one]));
  for (const { secretId, projectId, mayRead, mayRotate } of before) {
    const needsRotate = mayRotate && hasAgentHere(secretId);
    const kept = after.get(secretId);
    if (needsRotate && kept?.mayRotate !== true) return { secretId, projectId, permission: 'rotate' };
    if (mayRead !== false && (kept === undefined || kept.mayRead === false)) return { secretId, projectId, permission: 'read' };
  }
  return null;
}

async function unlessDenied(ask: () => Promise<Listed>): Promise<Listed> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof VaultDenied) return [];
    throw error;
  }
}
