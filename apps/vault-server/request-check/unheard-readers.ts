/**
 * Machines that prove who they are and are refused all the same, since their clock and the vault's differ: published
 * clients, which sign by their own. Which of the two is wrong nobody can tell here. What such a machine holds is not taken
 * from it meanwhile: it was never told of the new value. It concerns the secrets that it read, and no others.
 */
import type { VaultParts } from '../vault-parts.ts';

/** Call with each such refusal: what drains and is held by this machine gets its time again. */
export async function keepForUnheard(
  { storage, clock, log }: Pick<VaultParts, 'storage' | 'clock' | 'log'>,
  machineId: string,
  signedAt: number,
): Promise<void> {
  const count = await storage.extendDrainsHeldBy({ machineId, signedAt, now: clock.now() });
  if (count > 0) log.write('warn', 'clock.reader-refused', { machineId, count });
}
