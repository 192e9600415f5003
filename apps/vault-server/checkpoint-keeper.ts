/**
 * Keeps the audit log's checkpoints while the vault is unsealed: a line every few seconds while entries come, and a
 * last one when it is sealed or ends. A full disk is logged and tried again; the audit log itself does not wait for it.
 */
import { CheckpointLog, runCheckpoints } from './audit/checkpoints.ts';
import { pause } from './events/event-hub.ts';
import type { VaultParts } from './vault-parts.ts';

type Parts = Pick<VaultParts, 'storage' | 'keyring' | 'clock' | 'log'>;

const everyMs = 10_000;

export class CheckpointKeeper {
  readonly #parts: Parts;
  readonly #path: string;
  #stopping: AbortController | null = null;
  #kept: Promise<void> = Promise.resolve();

  constructor(parts: Parts, path: string) {
    this.#parts = parts;
    this.#path = path;
  }

  /** Call when the vault was unsealed. */
  start(): void {
    const stopping = new AbortController();
    const key = this.#parts.keyring.checkpointKey();
    this.#stopping = stopping;
    this.#kept = this.#kept.then(() => this.#keep(key, stopping.signal));
  }

  /** Resolves when the last line is written. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#stopping = null;
    await this.#kept;
  }

  async #keep(key: Parameters<typeof CheckpointLog.open>[1], signal: AbortSignal): Promise<void> {
    const { storage, clock, log } = this.#parts;
    do {
      try {
        await using cleanup = new AsyncDisposableStack();
        const checkpoints = await CheckpointLog.open(this.#path, key);
        cleanup.defer(() => checkpoints.close());
        await runCheckpoints(checkpoints, storage, clock, everyMs, signal);
        return;
      } catch (error) {
        log.failure('audit.checkpoint-failed', error);
        await pause(clock, everyMs, signal);
      }
    } while (!signal.aborted);
  }
}
