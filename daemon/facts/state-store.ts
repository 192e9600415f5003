/**
 * What front ends mirror: the daemon, its vaults and its agents as facts, with one sequence number for every change.
 * A value that is equal to the one before is no change.
 */
import type { AgentFact, Change, DaemonFact, Snapshot, VaultFact } from '@sikkerkey/protocol/local/state.ts';

export type ChangeListener = (change: Change) => void;

type Unnumbered = Change extends infer One ? (One extends Change ? Omit<One, 'sequence'> : never) : never;

export class StateStore {
  readonly #vaults = new Map<string, VaultFact>();
  readonly #agents = new Map<string, AgentFact>();
  readonly #listeners = new Set<ChangeListener>();
  #daemon: DaemonFact;
  #sequence = 0;

  constructor(daemon: DaemonFact) {
    this.#daemon = daemon;
  }

  snapshot(): Snapshot {
    return { sequence: this.#sequence, daemon: this.#daemon, vaults: this.vaults(), agents: this.agents() };
  }

  get daemon(): DaemonFact {
    return this.#daemon;
  }

  vaults(): VaultFact[] {
    return [...this.#vaults.values()];
  }

  agents(): AgentFact[] {
    return [...this.#agents.values()];
  }

  vault(vaultId: string): VaultFact | undefined {
    return this.#vaults.get(vaultId);
  }

  agent(secretId: string): AgentFact | undefined {
    return this.#agents.get(secretId);
  }

  setDaemon(value: DaemonFact): void {
    if (isSame(this.#daemon, value)) return;
    this.#daemon = value;
    this.#emit({ slice: 'daemon', value });
  }

  putVault(value: VaultFact): void {
    if (isSame(this.#vaults.get(value.vaultId), value)) return;
    this.#vaults.set(value.vaultId, value);
    this.#emit({ slice: 'vault', value });
  }

  removeVault(vaultId: string): void {
    if (this.#vaults.delete(vaultId)) this.#emit({ slice: 'vault-removed', vaultId });
  }

  putAgent(value: AgentFact): void {
    if (isSame(this.#agents.get(value.secretId), value)) return;
    this.#agents.set(value.secretId, value);
    this.#emit({ slice: 'agent', value });
  }

  removeAgent(secretId: string): void {
    if (this.#agents.delete(secretId)) this.#emit({ slice: 'agent-removed', secretId });
  }

  /** Tells subscribers that the daemon lives. */
  alive(at: number): void {
    if (this.#listeners.size > 0) this.#emit({ slice: 'alive', at });
  }

  /** Calls `listener` for every change after the snapshot that the caller takes in the same turn. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #emit(change: Unnumbered): void {
    this.#sequence += 1;
    for (const listener of this.#listeners) listener({ ...change, sequence: this.#sequence });
  }
}

function isSame(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}
