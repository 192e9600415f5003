/** A daemon as the contract suite plays it. */
import type { ClaimedWork } from '../records.ts';
import { expectDone, sealFor, type Vault } from './fixture.ts';

/** A daemon's calls, with its own machine and the newest claim. */
export class Daemon {
  readonly #vault: Vault;
  readonly machineId: string;
  readonly secretId: string;
  readonly daemonId: string;

  constructor(vault: Vault, machineId: string, secretId: string, daemonId = 'daemon-1') {
    this.#vault = vault;
    this.machineId = machineId;
    this.secretId = secretId;
    this.daemonId = daemonId;
  }

  #by() {
    return { caller: this.#vault.machine(this.machineId), secretId: this.secretId };
  }

  async adopt(strategy: 'flip' | 'single' = 'flip'): Promise<string> {
    return expectDone(await this.#vault.storage.adopt({ ...this.#by(), strategy, owner: 'app', seal: sealFor })).rotationId;
  }

  async tryClaim(purpose: 'work' | 'repair' = 'work', words: { readonly knownEpoch?: number; readonly aboveEpoch?: number } = {}) {
    return expectDone(await this.#vault.storage.claim({ ...this.#by(), daemonId: this.daemonId, purpose, ...words }));
  }

  async claim(purpose: 'work' | 'repair' = 'work'): Promise<ClaimedWork> {
    const result = await this.tryClaim(purpose);
    if (result.outcome !== 'claimed') throw new Error(`claim: ${result.outcome}`);
    return result.work;
  }

  async confirm(work: ClaimedWork): Promise<string> {
    const rotationId = work.rotationId ?? '';
    const input = { ...this.#by(), rotationId, epoch: work.epoch, seal: sealFor };
    return expectDone(await this.#vault.storage.confirmRotation(input)).outcome;
  }

  async reject(work: ClaimedWork): Promise<string> {
    const input = { ...this.#by(), rotationId: work.rotationId ?? '', epoch: work.epoch, seal: sealFor, errorCode: 'verify-failed' };
    return expectDone(await this.#vault.storage.rejectRotation(input)).outcome;
  }

  async retired(work: ClaimedWork): Promise<string> {
    const input = { ...this.#by(), rotationId: work.rotationId ?? '', epoch: work.epoch, seal: sealFor };
    return expectDone(await this.#vault.storage.reportRetired(input)).outcome;
  }

  async drain(work: ClaimedWork) {
    return expectDone(await this.#vault.storage.drainOf({ ...this.#by(), rotationId: work.rotationId ?? '', epoch: work.epoch }));
  }

  async renew(epoch: number) {
    return expectDone(await this.#vault.storage.renewClaim({ ...this.#by(), epoch }));
  }

  async look() {
    return expectDone(await this.#vault.storage.driftLook(this.#by()));
  }

  async release(epoch: number): Promise<void> {
    expectDone(await this.#vault.storage.releaseClaim({ ...this.#by(), epoch }));
  }

  /** Claims, confirms and, where it drains, retires. */
  async rotate(): Promise<ClaimedWork> {
    const work = await this.claim();
    await this.confirm(work);
    await this.retired(work);
    return work;
  }
}
