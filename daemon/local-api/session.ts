/**
 * One connection of a front end: hello first, then requests within limits, at most one subscription. Whatever the peer
 * does wrong ends this connection only.
 */
import type { Socket } from 'node:net';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import {
  localMethods,
  localWireVersion,
  maxRequestsInFlight,
  stateChangeNotification,
  subscriberTooSlowNotification,
} from '@sikkerkey/protocol/local/methods.ts';
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  NullLogger,
  ResponseError,
} from 'vscode-jsonrpc/node';
import type { StateStore } from '../facts/state-store.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import { CappedReader, SocketWriter } from './capped-messages.ts';
import { checkedAgainst, type Dispatcher, envelopeOf, isLocalMethod, type Role } from './dispatch.ts';
import { localErrorOf } from './local-error.ts';

/** Unread bytes that a subscriber may leave before it is told to begin anew. */
const maxUnreadBytes = 4 * 1_048_576;

export interface SessionDeps {
  readonly dispatcher: Dispatcher;
  readonly state: StateStore;
  readonly log: DaemonLog;
  readonly features: readonly string[];
  /** The role of whoever can open the socket: it belongs to one user (local-api.md, recipe). */
  readonly role: Role;
}

export class Session {
  readonly #deps: SessionDeps;
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  readonly #gone = new AbortController();
  #greeted = false;
  #inFlight = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(socket: Socket, deps: SessionDeps) {
    this.#deps = deps;
    this.#socket = socket;
    const reader = new CappedReader(socket, (fault) => {
      deps.log.warn('local-client-refused', { reason: fault });
      socket.destroy();
    });
    this.#connection = createMessageConnection(reader, new SocketWriter(socket), NullLogger);
    this.#connection.onRequest((method: string, params: unknown, token: CancellationToken) => this.#answer(method, params, token));
    this.#connection.onClose(() => this.#end());
    this.#connection.onError(() => socket.destroy());
    socket.on('error', () => socket.destroy());
    this.#connection.listen();
  }

  get greeted(): boolean {
    return this.#greeted;
  }

  close(): void {
    this.#socket.end();
  }

  async #answer(method: string, params: unknown, token: CancellationToken): Promise<unknown> {
    if (this.#inFlight >= maxRequestsInFlight)
      return this.#errorOf(new CatalogueError('too-many-requests', { limit: maxRequestsInFlight }), params);
    this.#inFlight += 1;
    try {
      return await this.#perform(method, params, token);
    } catch (error) {
      return this.#errorOf(error, params);
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #perform(method: string, params: unknown, token: CancellationToken): Promise<unknown> {
    if (!this.#greeted && method !== 'hello') throw new CatalogueError('hello-expected', {});
    if (!isLocalMethod(method)) throw new CatalogueError('method-unknown', {});
    const envelope = envelopeOf(params);
    if (method === 'hello') return this.#hello(envelope.params);
    if (method === 'state.subscribe') return this.#subscribe();
    if (method === 'state.unsubscribe') return this.#endSubscription();
    const cancelled = new AbortController();
    const listening = token.onCancellationRequested(() => cancelled.abort());
    if (token.isCancellationRequested) cancelled.abort();
    try {
      return await this.#deps.dispatcher.dispatch(
        method,
        this.#deps.role,
        envelope,
        AbortSignal.any([cancelled.signal, this.#gone.signal]),
      );
    } finally {
      listening.dispose();
    }
  }

  #hello(params: unknown): unknown {
    const hello = checkedAgainst(localMethods.hello.params, params);
    if (hello.wireVersion !== localWireVersion) {
      throw new CatalogueError('wire-version-unsupported', { client: hello.wireVersion, daemon: localWireVersion });
    }
    this.#greeted = true;
    const { version, bootId } = this.#deps.state.daemon;
    return { wireVersion: localWireVersion, daemonVersion: version, bootId, features: [...this.#deps.features], role: this.#deps.role };
  }

  /** Snapshot and subscription in one turn: no change between them can be lost. The reply is queued before any change. */
  #subscribe(): unknown {
    this.#unsubscribe?.();
    const snapshot = this.#deps.state.snapshot();
    this.#unsubscribe = this.#deps.state.subscribe((change) => {
      if (this.#socket.writableLength > maxUnreadBytes) {
        this.#endSubscription();
        this.#later(subscriberTooSlowNotification, {});
        this.#deps.log.warn('local-subscriber-too-slow', {});
        return;
      }
      this.#later(stateChangeNotification, change);
    });
    return snapshot;
  }

  /** In the order of the calls, and after a reply that this turn gives: that is sent once its promises have settled. */
  #later(method: string, params: unknown): void {
    setImmediate(() => {
      if (!this.#gone.signal.aborted) void this.#connection.sendNotification(method, params);
    });
  }

  #endSubscription(): Record<string, never> {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    return {};
  }

  #errorOf(error: unknown, params: unknown): ResponseError<unknown> {
    const secretId = secretIdIn(params);
    const data = localErrorOf(error, {
      secretId,
      machineId: machineOf(this.#deps.state, secretId),
      reference: (unexpected) => this.#deps.log.unexpected('local-call-failed', unexpected),
    });
    const code =
      data.code === 'method-unknown' ? ErrorCodes.MethodNotFound : data.code === 'params-invalid' ? ErrorCodes.InvalidParams : -32_000;
    return new ResponseError(code, data.code, data);
  }

  #end(): void {
    this.#endSubscription();
    this.#gone.abort();
    this.#connection.dispose();
    this.#socket.destroy();
  }
}

/** This machine, as the secret's vault calls it; null where that is not clear. */
function machineOf(state: StateStore, secretId: string): string | null {
  const vaults = state.vaults();
  const vaultId = state.agent(secretId)?.vaultId ?? (vaults.length === 1 ? vaults[0]?.vaultId : undefined);
  return vaults.find((vault) => vault.vaultId === vaultId)?.machineId ?? null;
}

function secretIdIn(params: unknown): string {
  if (typeof params !== 'object' || params === null || !('params' in params)) return '';
  const inner = params.params;
  if (typeof inner !== 'object' || inner === null || !('secretId' in inner)) return '';
  return typeof inner.secretId === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(inner.secretId) ? inner.secretId : '';
}
