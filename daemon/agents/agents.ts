/** All agents of this host: made from the registry, started, stopped, and reached by what the vaults say. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentHeartbeat, AgentWork, VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import type { LinkedAgents } from '../vault-link/vault-link.ts';
import type { Agent } from './agent.ts';
import { heartbeatOf, initialFact, withRegistration } from './agent-facts.ts';
import type { RegisteredAgent } from './registry.ts';

/** How often is polled for an agent that says nothing of it, and for a vault without agents. */
const usualPollSeconds = 10;

export type MakeAgent = (fact: AgentFact) => Agent;

export class Agents {
  readonly #agents = new Map<string, Agent>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #pollSeconds = new Map<string, number>();
  readonly #make: MakeAgent;
  readonly #now: () => number;

  constructor(make: MakeAgent, now: () => number) {
    this.#make = make;
    this.#now = now;
  }

  get size(): number {
    return this.#agents.size;
  }

  find(secretId: string): Agent | undefined {
    return this.#agents.get(secretId);
  }

  /** Makes the agent, or gives the one that is there its changed registration. */
  put(registered: RegisteredAgent): Agent {
    this.#pollSeconds.set(registered.secretId, registered.connection?.pollIntervalSeconds ?? usualPollSeconds);
    const known = this.#agents.get(registered.secretId);
    if (known !== undefined && known.fact.vaultId === registered.vaultId) {
      known.change(withRegistration(known.fact, registered, this.#now()));
      known.forgetConfiguration();
      return known;
    }
    const made = this.#make(initialFact(registered, this.#now()));
    this.#agents.set(registered.secretId, made);
    return made;
  }

  remove(secretId: string): void {
    this.#agents.delete(secretId);
    this.#pollSeconds.delete(secretId);
  }

  async stopAll(withinMs: number): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop(withinMs)));
  }

  /**
   * Runs `work` while every agent of that vault rests and nothing is sealed for a new one; they go on afterwards with
   * nothing of what they had prepared.
   */
  alone<T>(vaultId: string, work: () => Promise<T>): Promise<T> {
    return this.inTurn(vaultId, () => {
      const ofVault = [...this.#agents.values()].filter((agent) => agent.fact.vaultId === vaultId);
      return ofVault.reduce((rest, agent) => () => agent.exclusively(rest), work)();
    });
  }

  /** What seals for a vault, or begins an agent of it, one after the other: never while its identity is being replaced. */
  inTurn<T>(vaultId: string, work: () => Promise<T> | T): Promise<T> {
    const before = this.#turns.get(vaultId) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(work);
    this.#turns.set(vaultId, mine);
    return mine;
  }

  /** The agents of one vault, as its link sees them. */
  ofVault(vaultId: string): LinkedAgents {
    return {
      heartbeats: () => this.#running(vaultId).map((agent): AgentHeartbeat => heartbeatOf(agent.fact)),
      pollIntervalMs: () => this.#pollIntervalMs(vaultId),
      acknowledged: (secretIds) => {
        for (const secretId of secretIds) this.#agents.get(secretId)?.acknowledged();
      },
      work: (work: readonly AgentWork[]) => {
        for (const one of work) this.#agents.get(one.secretId)?.hearWork(one);
      },
      event: (event) => this.#hear(event),
      hearOffer: (secretId) => this.#agents.get(secretId)?.hearOffer(),
      hearApproval: () => {
        // Looks keep to their own pauses: all of them at once could take a database its last connections.
        const waiting = this.#running(vaultId).filter(({ fact }) => fact.state === 'ACCESS_DENIED' && fact.rotationId !== null);
        for (const agent of waiting) agent.ring();
      },
    };
  }

  #running(vaultId: string): readonly Agent[] {
    return [...this.#agents.values()].filter((agent) => agent.isRunning && agent.fact.vaultId === vaultId);
  }

  /** The shortest of the vault's running agents: one poll asks for all of them. */
  #pollIntervalMs(vaultId: string): number {
    const seconds = this.#running(vaultId).map(({ secretId }) => this.#pollSeconds.get(secretId) ?? usualPollSeconds);
    return (seconds.length === 0 ? usualPollSeconds : Math.min(...seconds)) * 1_000;
  }

  #hear(event: VaultEvent): void {
    switch (event.kind) {
      case 'rotation-offered':
      case 'drain-clear':
      case 'rotation-ended':
      case 'access-lost':
      case 'access-granted':
      case 'secret-deleted':
        this.#agents.get(event.secretId)?.ring();
        return;
      case 'hello':
      case 'reset':
      case 'keep-alive':
      case 'secret-changed':
        return;
      default:
        event satisfies never;
    }
  }
}
