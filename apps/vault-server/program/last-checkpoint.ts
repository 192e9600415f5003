/**
 * The checkpoint behind what a command has made. What was made is there whether it can be written or not, so that is told
 * and is no failure: a vault that is unsealed writes the checkpoint again.
 */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { CheckpointLog } from '../audit/checkpoints.ts';
import type { Storage } from '../storage/storage.ts';
import type { Terminal } from './terminal.ts';

/** Never rejects. */
export async function writeLastCheckpoint(checkpoints: CheckpointLog, storage: Storage, terminal: Terminal): Promise<void> {
  try {
    await checkpoints.write(await storage.auditHeads(), systemClock.now());
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    const why = typeof code === 'string' ? code : 'unknown';
    terminal.complain(`warning: the audit checkpoint was not written (${why}); the vault writes it once it is served and unsealed`);
  }
}
