/** Logs once that the store cannot be used, and once that it can again, however many requests meet it meanwhile. */
import type { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultLog } from '../log.ts';

export class StoreReports {
  readonly #log: VaultLog;
  #failing: string | null = null;

  constructor(log: VaultLog) {
    this.#log = log;
  }

  /** Call with every refusal that goes out. */
  refused({ code }: CatalogueError): void {
    if ((code !== 'vault-disk-full' && code !== 'vault-store-failed') || code === this.#failing) return;
    this.#failing = code;
    this.#log.write('error', 'store.failed', { code });
  }

  /** Call after a request that used the store and was answered. */
  answered(): void {
    if (this.#failing === null) return;
    this.#failing = null;
    this.#log.write('info', 'store.recovered');
  }
}
