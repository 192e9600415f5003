/**
 * One vault: its event stream, one batched heartbeat with the agents' true states, and while the stream is down one
 * batched poll. It tells the agents what to do and shows how the vault is; it never ends because of a refusal.
 */

import { jitterAround } from '@sikkerkey/core/backoff.ts';
import type { Clock } from '@sikkerkey/core/clock.ts';
import { type Loop, startLoop } from '@sikkerkey/core/loop.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { readSelf } from '@sikkerkey/core/vault-client/enroll.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentHeartbeat, AgentWork, VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import { batchesOf } from './batches.ts';
import type { PublishedVault } from './published-vault.ts';
import { KnownProtocol, type ProtocolMemory } from './spoken-protocol.ts';

const heartbeatMs = 30_000;
/** While the machine waits for its approval. */
const approvalMs = 2_000;
/** States that change within this time travel together. */
const announceAfterMs = 500;

/** The agents of this vault, as the link sees them. */
export interface LinkedAgents {
  heartbeats(): AgentHeartbeat[];
  /** Milliseconds between polls while there is no stream, before jitter. */
  pollIntervalMs(): number;
  /** The vault has acknowledged a heartbeat. */
  acknowledged(secretIds: readonly string[]): void;
  work(work: readonly AgentWork[]): void;
  event(event: VaultEvent): void;
  /** There may be something to do for this agent. */
  hearOffer(secretId: string): void;
  /** This machine was not approved, and is now: rotations that were denied for it go on. */
  hearApproval(): void;
}

export interface VaultLinkDeps {
  readonly client: VaultClient;
  /** For a vault without capabilities. */
  readonly published: PublishedVault;
  readonly memory: ProtocolMemory;
  readonly daemonId: string;
  readonly agents: LinkedAgents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DaemonLog;
  show(change: Partial<VaultFact>): void;
}

export class VaultLink {
  readonly vaultId: string;
  readonly #deps: VaultLinkDeps;
  readonly #protocol: KnownProtocol;
  #approved = false;
  #machineState: VaultFact['machineState'] = 'unknown';
  #pushConnected = false;
  #cursor: string | null = null;
  #announcing = false;
  #reachable: boolean | null = null;
  #heartbeat: Loop | null = null;
  #events: Loop | null = null;
  #poll: Loop | null = null;
  #signal: AbortSignal | null = null;

  constructor(vaultId: string, deps: VaultLinkDeps) {
    this.vaultId = vaultId;
    this.#deps = deps;
    this.#protocol = new KnownProtocol(deps);
  }

  get client(): VaultClient {
    return this.#deps.client;
  }

  get protocol(): VaultFact['protocol'] {
    return this.#protocol.current;
  }

  /** Runs until the signal fires. */
  start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { clock, random } = this.#deps;
    const classify = (): 'retry' => 'retry';
    const heartbeat = { name: 'heartbeat', intervalMs: heartbeatMs, classify, run: (stop: AbortSignal) => this.#beat(stop) };
    const events = { name: 'events', intervalMs: 1_000, firstRunInMs: null, classify, run: (stop: AbortSignal) => this.#listen(stop) };
    const poll = {
      name: 'poll',
      intervalMs: null,
      firstRunInMs: 2_000,
      classify,
      run: async (stop: AbortSignal) => {
        await this.#pollOnce(stop);
        return { nextInMs: jitterAround(this.#deps.agents.pollIntervalMs(), 0.3, random) };
      },
    };
    this.#heartbeat = startLoop(heartbeat, { clock, random }, signal);
    this.#events = startLoop(events, { clock, random }, signal);
    this.#poll = startLoop(poll, { clock, random }, signal);
    return Promise.all([this.#heartbeat.done, this.#events.done, this.#poll.done]).then(() => undefined);
  }

  /** Something changed that the vault should hear before the next heartbeat. */
  announce(): void {
    const signal = this.#signal;
    if (this.#announcing || signal === null || signal.aborted) return;
    this.#announcing = true;
    this.#deps.clock.sleep(announceAfterMs, signal).then(
      () => {
        this.#announcing = false;
        this.#heartbeat?.trigger();
      },
      () => undefined,
    );
  }

  /** Asks the vault now what there is to do. */
  askNow(): void {
    this.#heartbeat?.trigger();
  }

  async #beat(signal: AbortSignal): Promise<{ readonly nextInMs: number | null } | undefined> {
    try {
      await this.#learnProtocol(signal);
      if (this.#protocol.current === 'published') {
        await this.#beatPublished(signal);
        return undefined;
      }
      if (!this.#approved && !(await this.#learnApproval(signal))) return { nextInMs: approvalMs };
      await this.#sendHeartbeat(signal);
      return undefined;
    } catch (error) {
      this.#showFailure(error);
      throw error;
    }
  }

  async #learnProtocol(signal: AbortSignal): Promise<void> {
    if (!this.#protocol.isDue && this.#reachable === true) return;
    const { sealed } = await this.#protocol.ask(signal);
    this.#deps.show({ protocol: this.#protocol.current, sealed });
  }

  /** Each agent by itself: that protocol knows no batches. One agent's refusal is its own matter. */
  async #beatPublished(signal: AbortSignal): Promise<void> {
    const { agents, published } = this.#deps;
    for (const { secretId, errorCode } of agents.heartbeats()) {
      await published.heartbeat(secretId, errorCode, signal).then(
        () => agents.acknowledged([secretId]),
        () => agents.hearOffer(secretId),
      );
    }
    this.#showReachable();
  }

  async #pollPublished(signal: AbortSignal): Promise<void> {
    const { agents, published } = this.#deps;
    for (const { secretId } of agents.heartbeats()) {
      const isOffering = await published.isOffering(secretId, signal).catch(() => false);
      signal.throwIfAborted();
      if (isOffering) agents.hearOffer(secretId);
    }
  }

  /** Which protocol this vault speaks, asked now where it is not known yet. */
  async protocolKnown(signal: AbortSignal): Promise<VaultFact['protocol']> {
    if (this.#protocol.current === 'unknown') await this.#learnProtocol(signal);
    return this.#protocol.current;
  }

  async #learnApproval(signal: AbortSignal): Promise<boolean> {
    const self = await readSelf(this.#deps.client, { signal });
    const before = this.#machineState;
    this.#machineState = self.state;
    this.#approved = self.state === 'approved';
    this.#deps.show({ machineState: self.state, machineName: self.name });
    this.#showReachable();
    if (this.#approved) this.#events?.trigger();
    // Only this edge: where the vault refuses although it says approved, each agent keeps to its own pause.
    if (this.#approved && before !== 'unknown' && before !== 'approved') this.#deps.agents.hearApproval();
    return this.#approved;
  }

  async #sendHeartbeat(signal: AbortSignal): Promise<void> {
    const { client, daemonId, agents } = this.#deps;
    for (const beats of batchesOf(agents.heartbeats())) {
      const answer = await client.machine('heartbeat', { daemonId, agents: [...beats] }, { signal });
      this.#showReachable();
      agents.acknowledged(beats.map((beat) => beat.secretId));
      agents.work(answer.work);
    }
  }

  async #listen(signal: AbortSignal): Promise<undefined> {
    if (this.#protocol.current !== 'v2' || !this.#approved) return undefined;
    try {
      for await (const event of this.#deps.client.events(this.#cursor, { signal })) this.#hear(event);
    } finally {
      if (this.#pushConnected) {
        this.#pushConnected = false;
        this.#deps.show({ pushConnected: false });
        this.#poll?.trigger();
      }
    }
    return undefined;
  }

  #hear(event: VaultEvent): void {
    this.#cursor = event.cursor;
    if (!this.#pushConnected) {
      this.#pushConnected = true;
      this.#deps.show({ pushConnected: true });
    }
    // What happened before the stream began, or was lost with an old cursor, is asked for once.
    if (event.kind === 'hello' || event.kind === 'reset') this.askNow();
    this.#deps.agents.event(event);
  }

  async #pollOnce(signal: AbortSignal): Promise<void> {
    if (this.#protocol.current === 'published') await this.#pollPublished(signal);
    if (this.#pushConnected || this.#protocol.current !== 'v2' || !this.#approved || this.#reachable === false) return;
    const secrets = this.#deps.agents.heartbeats().map((beat) => beat.secretId);
    if (secrets.length === 0) return;
    try {
      for (const batch of batchesOf(secrets)) {
        const answer = await this.#deps.client.machine('pollAgents', { secrets: [...batch] }, { signal });
        this.#deps.agents.work(answer.work);
      }
    } catch (error) {
      this.#showFailure(error);
    }
  }

  #showReachable(): void {
    const { client, log } = this.#deps;
    if (this.#reachable !== true) log.info('vault-reachable', { vaultId: this.vaultId, protocol: this.#protocol.current });
    this.#reachable = true;
    const state = this.#approved ? { machineState: 'approved' as const } : {};
    this.#deps.show({ ...state, reachable: true, sealed: false, latencyMs: client.latencyMs(), skewMs: client.skewMs(), errorCode: null });
  }

  #showFailure(error: unknown): void {
    const refusal = error instanceof VaultRefusal ? error : null;
    const errorCode =
      refusal?.code ?? (error instanceof TransportFailure ? error.fault : this.#deps.log.unexpected('vault-link-failed', error));
    // A refusal that is not temporary may mean that the machine is no longer approved: look again before the next beat.
    if (refusal !== null && !refusal.temporary) this.#approved = false;
    const reachable = refusal !== null && !refusal.temporary;
    if (this.#reachable !== reachable) this.#deps.log.warn('vault-not-answering', { vaultId: this.vaultId, errorCode });
    this.#reachable = reachable;
    this.#deps.show({ reachable, sealed: refusal?.code === 'vault-sealed', errorCode });
  }
}
