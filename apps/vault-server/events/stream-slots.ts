/**
 * How many event streams may be open. Each costs memory and a look into the store with every commit, so one machine must
 * not have as many as it likes. A daemon opens one for all its agents, an application one for each process. Counts what
 * this process serves; nothing that has to be right across nodes depends on it.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface StreamLimits {
  readonly ofOneMachine: number;
  readonly inAll: number;
}

const defaultLimits: StreamLimits = { ofOneMachine: 500, inAll: 5_000 };

export class StreamSlots {
  readonly #limits: StreamLimits;
  readonly #ofMachine = new Map<string, number>();
  #inAll = 0;

  constructor(limits: StreamLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Takes a slot, given back by the answer when it is disposed of. Throws `too-many-streams`. */
  take(machineId: string): Disposable {
    const { ofOneMachine, inAll } = this.#limits;
    const open = this.#ofMachine.get(machineId) ?? 0;
    if (open >= ofOneMachine) throw new CatalogueError('too-many-streams', { limit: ofOneMachine, whose: 'this machine' });
    if (this.#inAll >= inAll) throw new CatalogueError('too-many-streams', { limit: inAll, whose: 'all machines together' });
    this.#ofMachine.set(machineId, open + 1);
    this.#inAll += 1;
    return { [Symbol.dispose]: () => this.#giveBack(machineId) };
  }

  #giveBack(machineId: string): void {
    const open = (this.#ofMachine.get(machineId) ?? 1) - 1;
    if (open === 0) this.#ofMachine.delete(machineId);
    else this.#ofMachine.set(machineId, open);
    this.#inAll -= 1;
  }
}
