/**
 * A daemon for front-end tests, derived from the schema: it checks every request and every answer of its own by
 * protocol/local, mirrors state with numbered changes, and does what a test tells it. It listens on a real socket below a home.
 */
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { homeOf } from '@sikkerkey/host/home.ts';
import { encodeFrame, FrameDecoder } from '@sikkerkey/protocol/local/framing.ts';
import { type LocalMethod, type LocalResult, localMethods, requestEnvelope } from '@sikkerkey/protocol/local/methods.ts';
import { type AgentFact, type Change, change, type DaemonFact, type Snapshot, type VaultFact } from '@sikkerkey/protocol/local/state.ts';
import {
  localWireVersion,
  maxRequestBytes,
  stateChangeNotification,
  subscriberTooSlowNotification,
} from '@sikkerkey/protocol/local/wire.ts';
import * as z from 'zod';

/** What a handler throws to refuse with a code of the catalogue. */
export class Refusal extends Error {
  readonly data: { code: string; whoMustAct: string; retryable: boolean; details: Record<string, string | number> };

  constructor(code: string, details: Record<string, string | number> = {}, retryable = false) {
    super(code);
    this.data = { code, whoMustAct: 'user', retryable, details };
  }
}

export type FakeHandler = (params: never, daemon: FakeDaemon) => unknown;

export interface ReceivedCall {
  readonly method: LocalMethod;
  readonly params: Readonly<Record<string, unknown>>;
  readonly deadlineMs: number | undefined;
  readonly idempotencyKey: string | undefined;
}

interface Peer {
  readonly socket: Socket;
  greeted: boolean;
  subscribed: boolean;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
const rpcRequest = z.object({ id: z.int().optional(), method: z.string(), params: z.unknown() });

export class FakeDaemon {
  readonly calls: ReceivedCall[] = [];
  readonly cancelled: number[] = [];
  readonly #handlers = new Map<LocalMethod, FakeHandler>();
  readonly #peers = new Set<Peer>();
  #server: Server | null = null;
  #sequence = 0;
  #daemon: DaemonFact;
  readonly #vaults = new Map<string, VaultFact>();
  readonly #agents = new Map<string, AgentFact>();
  readonly home: string;

  constructor(home: string, startedAt: number) {
    this.home = home;
    this.#daemon = {
      bootId: 'boot-1',
      pid: process.pid,
      version: '0.1.0',
      wireVersion: localWireVersion,
      startedAt,
      home,
      journal: 'ok',
    };
  }

  /** What the daemon answers to `method`; the default knows the reads of state only. */
  on(method: LocalMethod, handler: FakeHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Binds the socket with mode 0600 in a directory of 0700, as the real one does. */
  async listen(): Promise<void> {
    const { socket, socketDirectory } = homeOf({ ...emptyEnvironment, home: this.home });
    await mkdir(socketDirectory, { recursive: true, mode: 0o700 });
    await rm(socket, { force: true });
    const server = createServer((peer) => {
      this.#accept(peer);
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const previous = process.umask(0o177);
      server.listen(socket, resolve);
      process.umask(previous);
    });
  }

  /** Ends every connection and the socket: what a killed daemon looks like from outside. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const { socket } of this.#peers) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  /** As after a restart: another boot, the same facts. */
  rebooted(bootId: string): void {
    this.#daemon = { ...this.#daemon, bootId };
    this.#sequence = 0;
  }

  putVault(vault: VaultFact): void {
    this.#vaults.set(vault.vaultId, vault);
    this.publish({ slice: 'vault', value: vault });
  }

  putAgent(agent: AgentFact): void {
    this.#agents.set(agent.secretId, agent);
    this.publish({ slice: 'agent', value: agent });
  }

  changeAgent(secretId: string, part: Partial<AgentFact>): void {
    const agent = this.#agents.get(secretId);
    if (agent === undefined) throw new Error(`the fake daemon has no agent ${secretId}`);
    this.putAgent({ ...agent, ...part });
  }

  removeAgent(secretId: string): void {
    this.#agents.delete(secretId);
    this.publish({ slice: 'agent-removed', secretId });
  }

  /** Sends one numbered change to every subscriber. */
  publish(part: DistributiveOmit<Change, 'sequence'>): void {
    this.#sequence += 1;
    const message = change.parse({ ...part, sequence: this.#sequence });
    this.#notify(stateChangeNotification, message);
  }

  /** Loses a change on the way, so that subscribers see a gap with the next. */
  skipOneChange(): void {
    this.#sequence += 1;
  }

  tellTooSlow(): void {
    this.#notify(subscriberTooSlowNotification, {});
  }

  /** Sends bytes that may be no frame at all. */
  sendRaw(bytes: Uint8Array): void {
    for (const { socket } of this.#peers) socket.write(bytes);
  }

  get snapshot(): Snapshot {
    return { sequence: this.#sequence, daemon: this.#daemon, vaults: [...this.#vaults.values()], agents: [...this.#agents.values()] };
  }

  get connections(): number {
    return this.#peers.size;
  }

  agent(secretId: string): AgentFact | undefined {
    return this.#agents.get(secretId);
  }

  #notify(method: string, params: unknown): void {
    for (const peer of this.#peers) if (peer.subscribed) peer.socket.write(encodeFrame({ jsonrpc: '2.0', method, params }));
  }

  #accept(socket: Socket): void {
    const peer: Peer = { socket, greeted: false, subscribed: false };
    const decoder = new FrameDecoder(maxRequestBytes);
    this.#peers.add(peer);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#peers.delete(peer));
    socket.on('data', (chunk: Uint8Array) => {
      for (const message of decoder.push(chunk)) void this.#receive(peer, message);
    });
  }

  async #receive(peer: Peer, message: unknown): Promise<void> {
    const request = rpcRequest.parse(message);
    if (request.method === '$/cancelRequest') {
      this.cancelled.push(z.object({ id: z.int() }).parse(request.params).id);
      return;
    }
    const reply = await this.#answer(peer, request.method, request.params);
    if (!peer.socket.destroyed) peer.socket.write(encodeFrame({ jsonrpc: '2.0', id: request.id, ...reply }));
  }

  async #answer(peer: Peer, method: string, params: unknown): Promise<{ result: unknown } | { error: unknown }> {
    try {
      if (!Object.hasOwn(localMethods, method)) throw new Refusal('method-unknown');
      const known = method as LocalMethod;
      if (!peer.greeted && known !== 'hello') throw new Refusal('hello-expected');
      const envelope = requestEnvelope.parse(params);
      const checked = localMethods[known].params.parse(envelope.params);
      if (localMethods[known].write && envelope.idempotencyKey === undefined) throw new Refusal('idempotency-key-missing');
      this.calls.push({ method: known, params: checked, deadlineMs: envelope.deadlineMs, idempotencyKey: envelope.idempotencyKey });
      if (known === 'hello') peer.greeted = !this.#handlers.has('hello');
      const handler = this.#handlers.get(known);
      const result: unknown = await (handler === undefined ? this.#byDefault(peer, known, checked) : handler(checked as never, this));
      return { result: localMethods[known].result.parse(result) };
    } catch (error) {
      if (error instanceof Refusal) return { error: { code: -32_000, message: error.data.code, data: error.data } };
      return { error: { code: -32_603, message: error instanceof Error ? error.message : 'unknown' } };
    }
  }

  #byDefault(peer: Peer, method: LocalMethod, params: Readonly<Record<string, unknown>>): unknown {
    switch (method) {
      case 'hello':
        return {
          wireVersion: localWireVersion,
          daemonVersion: this.#daemon.version,
          bootId: this.#daemon.bootId,
          features: [],
          role: 'admin',
        } satisfies LocalResult<'hello'>;
      case 'daemon.status':
        return { daemon: this.#daemon, vaults: [...this.#vaults.values()], agents: this.#agents.size };
      case 'state.subscribe':
        peer.subscribed = true;
        return this.snapshot;
      case 'state.unsubscribe':
        peer.subscribed = false;
        return {};
      case 'identity.list':
        return { vaults: [...this.#vaults.values()] };
      case 'agent.list':
        return { agents: [...this.#agents.values()] };
      case 'agent.show':
      case 'agent.start':
      case 'agent.stop': {
        const agent = this.#agents.get(String(params['secretId']));
        if (agent === undefined) throw new Refusal('agent-unknown-here', { secretId: String(params['secretId']) });
        const shown = method === 'agent.show' ? agent : { ...agent, running: method === 'agent.start' };
        if (method !== 'agent.show') this.putAgent(shown);
        return shown;
      }
      default:
        throw new Refusal('method-unknown');
    }
  }
}

const emptyEnvironment = {
  vault: undefined,
  identity: undefined,
  apiUrl: undefined,
  noColor: false,
  dumbTerminal: false,
  userHome: undefined,
  runtimeDirectory: undefined,
  continuousIntegration: false,
  failpoint: undefined,
};
