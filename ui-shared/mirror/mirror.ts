/**
 * The daemon's state as a front end holds it: a snapshot, then numbered changes, each a whole value of one slice. A
 * number that is missing means that something was lost: the mirror says so and is thrown away (local-api.md, Streaming).
 */
import type { AgentFact, DaemonFact, Snapshot, VaultFact } from '@sikkerkey/protocol/local/state.ts';

export interface MirroredState {
  readonly daemon: DaemonFact;
  readonly vaults: readonly VaultFact[];
  readonly agents: readonly AgentFact[];
}

export class Mirror {
  #sequence: number;
  #daemon: DaemonFact;
  readonly #vaults = new Map<string, VaultFact>();
  readonly #agents = new Map<string, AgentFact>();
  #shown: MirroredState | null = null;

  constructor(snapshot: Snapshot) {
    this.#sequence = snapshot.sequence;
    this.#daemon = snapshot.daemon;
    for (const vault of snapshot.vaults) this.#vaults.set(vault.vaultId, vault);
    for (const agent of snapshot.agents) this.#agents.set(agent.secretId, agent);
  }

  /** The same object until something changes, so that a view may compare by identity. */
  get state(): MirroredState {
    this.#shown ??= { daemon: this.#daemon, vaults: [...this.#vaults.values()], agents: [...this.#agents.values()] };
    return this.#shown;
  }

  agent(secretId: string): AgentFact | undefined {
    return this.#agents.get(secretId);
  }

  /**
   * Takes one `state.change`. `gap`: something was lost, or another daemon speaks; throw the mirror away and subscribe
   * anew. A slice that this program does not know counts as taken.
   */
  apply(message: unknown): 'applied' | 'nothing-new' | 'gap' {
    const change = readChange(message);
    if (change === null) return 'gap';
    // `alive` says that nothing changed: it carries the number of the last change, or one of its own.
    if (change.slice === 'alive' && change.sequence === this.#sequence) return 'nothing-new';
    if (change.sequence !== this.#sequence + 1) return 'gap';
    if (change.slice === 'daemon' && change.value.bootId !== this.#daemon.bootId) return 'gap';
    this.#sequence = change.sequence;
    if (!this.#take(change)) return 'nothing-new';
    this.#shown = null;
    return 'applied';
  }

  #take(change: ReadChange): boolean {
    switch (change.slice) {
      case 'daemon':
        this.#daemon = change.value;
        return true;
      case 'vault':
        this.#vaults.set(change.value.vaultId, change.value);
        return true;
      case 'vault-removed':
        return this.#vaults.delete(change.vaultId);
      case 'agent':
        this.#agents.set(change.value.secretId, change.value);
        return true;
      case 'agent-removed':
        return this.#agents.delete(change.secretId);
      case 'alive':
      case 'unknown':
        return false;
      default:
        return change satisfies never;
    }
  }
}

type ReadChange =
  | { readonly sequence: number; readonly slice: 'daemon'; readonly value: DaemonFact }
  | { readonly sequence: number; readonly slice: 'vault'; readonly value: VaultFact }
  | { readonly sequence: number; readonly slice: 'vault-removed'; readonly vaultId: string }
  | { readonly sequence: number; readonly slice: 'agent'; readonly value: AgentFact }
  | { readonly sequence: number; readonly slice: 'agent-removed'; readonly secretId: string }
  | { readonly sequence: number; readonly slice: 'alive' | 'unknown' };

/** The loose form on the wire as one closed union; null when it is not a change at all. */
function readChange(message: unknown): ReadChange | null {
  if (!isRecord(message)) return null;
  const { sequence, slice, value } = message;
  if (typeof sequence !== 'number' || typeof slice !== 'string') return null;
  switch (slice) {
    case 'daemon':
      return isRecord(value) && typeof value['bootId'] === 'string' ? { sequence, slice, value: value as DaemonFact } : null;
    case 'vault':
      return isRecord(value) && typeof value['vaultId'] === 'string' ? { sequence, slice, value: value as VaultFact } : null;
    case 'agent':
      return isRecord(value) && typeof value['secretId'] === 'string' ? { sequence, slice, value: value as AgentFact } : null;
    case 'vault-removed':
      return typeof message['vaultId'] === 'string' ? { sequence, slice, vaultId: message['vaultId'] } : null;
    case 'agent-removed':
      return typeof message['secretId'] === 'string' ? { sequence, slice, secretId: message['secretId'] } : null;
    case 'alive':
      return { sequence, slice };
    default:
      return { sequence, slice: 'unknown' };
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
