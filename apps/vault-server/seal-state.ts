/** Opens and closes the vault: keyring, the store's audit key and the streams change together. */
import type { Keyring } from './sealing/keyring.ts';
import type { VaultRecord } from './storage/records.ts';
import type { VaultParts } from './vault-parts.ts';

type Parts = Pick<VaultParts, 'storage' | 'hub' | 'log'> & { readonly keyring: Keyring };

/** What runs only while the vault is unsealed. */
export interface Companions {
  readonly scheduler: { catchUp(): Promise<void> };
  readonly checkpoints: { start(): void; stop(): Promise<void> };
}

export class SealState {
  readonly #parts: Parts;
  readonly #record: VaultRecord;
  readonly #companions: Companions;

  constructor(parts: Parts, record: VaultRecord, companions: Companions) {
    this.#parts = parts;
    this.#record = record;
    this.#companions = companions;
  }

  /**
   * Takes the root key and zeroes it. Throws `unseal-key-wrong`, and what the store says where what was missed cannot be
   * caught up with (`vault-disk-full`, say). The vault then stays as it was: half-open it would let drains run out unseen.
   */
  async unseal(rootKey: Uint8Array): Promise<void> {
    const { keyring, storage, log } = this.#parts;
    const wasSealed = keyring.sealed;
    keyring.unseal(rootKey, this.#record.rootKeyVerifier);
    storage.useAuditKey(keyring.auditAuthenticator());
    if (!wasSealed) return;
    this.#companions.checkpoints.start();
    try {
      await this.#companions.scheduler.catchUp();
    } catch (error) {
      await this.seal();
      throw error;
    }
    log.write('info', 'vault.unsealed', { vaultId: this.#record.vaultId });
  }

  /** Drops every key; streams end, and every later request is refused until the vault is unsealed again. */
  async seal(): Promise<void> {
    const { keyring, storage, hub, log } = this.#parts;
    if (keyring.sealed) return;
    keyring.seal();
    storage.useAuditKey(null);
    hub.closeAll('sealed');
    await this.#companions.checkpoints.stop();
    log.write('info', 'vault.sealed', { vaultId: this.#record.vaultId });
  }
}
