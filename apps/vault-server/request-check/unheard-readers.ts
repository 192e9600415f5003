/**
 * Machines that prove who they are and are refused all the same, since their clock and the vault's differ: published
 * clients, which sign by their own. Which of the two is wrong nobody can tell here. What such a machine holds is not taken
 * from it meanwhile: it was never told of the new value. It concerns the secrets that it read, and no others.
 */
import type { VaultParts } from '../vault-parts.ts';

/** A machine is looked at this often at most: each look is a turn of the store. */
const lookAgainMs = 10_000;

interface Refused {
  readonly signedAtSeconds: number;
  readonly at: number;
}

export class UnheardReaders {
  readonly #parts: Pick<VaultParts, 'storage' | 'clock' | 'log'>;
  /** Of machines that exist: only what is proven comes here. */
  readonly #last = new Map<string, Refused>();

  constructor(parts: Pick<VaultParts, 'storage' | 'clock' | 'log'>) {
    this.#parts = parts;
  }

  /**
   * Call with each such refusal: what drains and is held by this machine gets its time again. Only requests newer than those before
   * count, else whoever captured a few could keep an old password valid for ever by sending them again.
   */
  async refused(machineId: string, signedAtSeconds: number): Promise<void> {
    const { storage, clock, log } = this.#parts;
    const at = clock.monotonic();
    const last = this.#last.get(machineId);
    if (last !== undefined && (signedAtSeconds <= last.signedAtSeconds || at - last.at < lookAgainMs)) return;
    this.#last.set(machineId, { signedAtSeconds, at });
    const count = await storage.extendDrainsHeldBy({ machineId, now: clock.now() });
    if (count > 0) log.write('warn', 'clock.reader-refused', { machineId, count });
  }
}
