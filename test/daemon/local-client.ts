/** A plain client of the local API for tests: one connection, requests by id, notifications collected. */
import { connect, type Socket } from 'node:net';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { encodeFrame, FrameDecoder } from '@sikkerkey/protocol/local/framing.ts';
import {
  type LocalError,
  type LocalMethod,
  type LocalParams,
  type LocalResult,
  localMethods,
  localWireVersion,
  maxReplyBytes,
} from '@sikkerkey/protocol/local/methods.ts';

/** The daemon refused; `data` is what crossed the socket. */
export class LocalCallFailed extends Error {
  readonly data: LocalError;

  constructor(method: string, data: LocalError) {
    super(`${method}: ${data.code} ${JSON.stringify(data.details)}`);
    this.name = 'LocalCallFailed';
    this.data = data;
  }
}

interface Pending {
  readonly method: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export interface Notification {
  readonly method: string;
  readonly params: unknown;
}

export class LocalClient {
  readonly socket: Socket;
  readonly notifications: Notification[] = [];
  readonly closed: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(maxReplyBytes);
    socket.on('data', (chunk: Uint8Array) => {
      for (const message of decoder.push(chunk)) this.#receive(message as Record<string, unknown>);
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const one of this.#pending.values()) one.reject(new Error(`${one.method}: connection closed`));
        this.#pending.clear();
        resolve();
      });
    });
    socket.on('error', () => undefined);
  }

  static async open(path: string, options: { readonly hello?: boolean } = {}): Promise<LocalClient> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const client = new LocalClient(socket);
    if (options.hello !== false) await client.call('hello', { wireVersion: localWireVersion, clientName: 'test', clientVersion: '0' });
    return client;
  }

  call<M extends LocalMethod>(method: M, params: LocalParams<M>, envelope: Record<string, unknown> = {}): Promise<LocalResult<M>> {
    const key = localMethods[method].write ? { idempotencyKey: Buffer.from(systemRandom.bytes(12)).toString('hex') } : {};
    return this.request(method, { ...key, ...envelope, params }).answer as Promise<LocalResult<M>>;
  }

  request(method: string, params: unknown): { readonly id: number; readonly answer: Promise<unknown> } {
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise((resolve, reject) => {
      this.#pending.set(id, { method, resolve, reject });
    });
    this.send({ jsonrpc: '2.0', id, method, params });
    return { id, answer };
  }

  send(message: unknown): void {
    this.socket.write(encodeFrame(message));
  }

  close(): void {
    this.socket.destroy();
  }

  #receive(message: Record<string, unknown>): void {
    const { id, method, params, result, error } = message;
    if (typeof method === 'string') {
      this.notifications.push({ method, params });
      return;
    }
    const pending = this.#pending.get(Number(id));
    if (pending === undefined) return;
    this.#pending.delete(Number(id));
    if (error === undefined) pending.resolve(result);
    else pending.reject(new LocalCallFailed(pending.method, (error as { data: LocalError }).data));
  }
}
