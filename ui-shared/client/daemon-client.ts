/**
 * Typed calls to the daemon: JSON-RPC 2.0 ids, hello first, cancellation, deadlines, idempotency keys. Light on purpose
 * (no schema library): the daemon checks every request, and the reader of a reply treats unknown values as unknown.
 */
import type { LocalMethod, LocalParams, LocalResult } from '@sikkerkey/protocol/local/methods.ts';
import { localWireVersion } from '@sikkerkey/protocol/local/wire.ts';
import type { ConnectionEnd, DaemonConnection, Timekeeper } from './connection.ts';
import { DaemonError, daemonErrorOf } from './daemon-error.ts';
import { isWriteMethod } from './write-methods.ts';

export interface CallOptions {
  /** How long the caller waits, in milliseconds; the daemon uses the smaller of this and its own. */
  readonly deadlineMs?: number;
  /** Aborting sends `$/cancelRequest` and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Give the same one when asking again for the same act; made anew otherwise. */
  readonly idempotencyKey?: string;
}

export interface DaemonClient {
  /** What the daemon said of itself; rejects when it refused us. */
  readonly hello: Promise<LocalResult<'hello'>>;
  /** Throws DaemonError: the daemon's refusal, `daemon-connection-lost`, or `deadline-passed`. */
  call<M extends LocalMethod>(method: M, params: LocalParams<M>, options?: CallOptions): Promise<LocalResult<M>>;
  /** Returns what removes the listener. */
  onNotification(listener: (method: string, params: unknown) => void): () => void;
  onClose(listener: (reason: ConnectionEnd) => void): void;
  close(): void;
}

export interface ClientParts {
  readonly connection: DaemonConnection;
  readonly clock: Timekeeper;
  /** A fresh random text of 8 to 64 characters. */
  readonly newIdempotencyKey: () => string;
  readonly clientName: string;
  readonly clientVersion: string;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What the daemon is given beyond the caller's deadline before this end gives up by itself, in milliseconds. */
const deadlineGraceMs = 1000;
const helloDeadlineMs = 5000;

/**
 * Speaks hello and answers with the client at once: calls may follow without waiting for the daemon's hello (one round
 * trip less at the start of a command), and fail with its refusal when it refuses (`wire-version-mismatch`, …).
 */
export function openDaemonClient(parts: ClientParts): DaemonClient {
  const calls = new CallBook(parts);
  const hello = greet(parts, calls);
  // Each call tells it; nobody need ask for it by itself.
  hello.catch(() => undefined);
  return {
    hello,
    call: async (method, params, options) => {
      const answer = calls.call(method, params, options);
      answer.catch(() => undefined);
      await hello;
      return answer;
    },
    onNotification: (listener) => calls.onNotification(listener),
    onClose: (listener) => {
      calls.onClose(listener);
    },
    close: () => {
      parts.connection.close();
    },
  };
}

async function greet(parts: ClientParts, calls: CallBook): Promise<LocalResult<'hello'>> {
  const hello = await calls.call(
    'hello',
    { wireVersion: localWireVersion, clientName: parts.clientName, clientVersion: parts.clientVersion },
    { deadlineMs: helloDeadlineMs },
  );
  if (hello.wireVersion === localWireVersion) return hello;
  parts.connection.close();
  throw new DaemonError({
    code: 'wire-version-mismatch',
    retryable: false,
    details: { ours: localWireVersion, theirs: hello.wireVersion },
  });
}

class CallBook {
  readonly #parts: ClientParts;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(method: string, params: unknown) => void>();
  readonly #closeListeners = new Set<(reason: ConnectionEnd) => void>();
  #ended: ConnectionEnd | null = null;
  #nextId = 1;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    parts.connection.onMessage((message) => {
      this.#receive(message);
    });
    parts.connection.onClose((reason) => {
      this.#end(reason);
    });
  }

  onNotification(listener: (method: string, params: unknown) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  onClose(listener: (reason: ConnectionEnd) => void): void {
    if (this.#ended === null) this.#closeListeners.add(listener);
    else listener(this.#ended);
  }

  async call<M extends LocalMethod>(method: M, params: LocalParams<M>, options: CallOptions = {}): Promise<LocalResult<M>> {
    options.signal?.throwIfAborted();
    if (this.#ended !== null) throw connectionLost();
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#parts.connection.send({
      jsonrpc: '2.0',
      id,
      method,
      params: {
        ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
        ...(isWriteMethod(method) ? { idempotencyKey: options.idempotencyKey ?? this.#parts.newIdempotencyKey() } : {}),
        params,
      },
    });
    try {
      return (await this.#bounded(id, answer, options)) as LocalResult<M>;
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #bounded(id: number, answer: Promise<unknown>, { deadlineMs, signal }: CallOptions): Promise<unknown> {
    if (deadlineMs === undefined && signal === undefined) return answer;
    const done = new AbortController();
    const onAbort = (): void => {
      this.#cancel(id, signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (deadlineMs !== undefined) void this.#expire(id, deadlineMs + deadlineGraceMs, done.signal);
    try {
      return await answer;
    } finally {
      done.abort();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #expire(id: number, afterMs: number, answered: AbortSignal): Promise<void> {
    try {
      await this.#parts.clock.sleep(afterMs, answered);
    } catch {
      // Answered in time: the sleep was cut short on purpose.
      return;
    }
    this.#cancel(id, new DaemonError({ code: 'deadline-passed', retryable: true, details: { deadlineMs: afterMs - deadlineGraceMs } }));
  }

  #cancel(id: number, reason: unknown): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#parts.connection.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } });
    waiting.reject(reason);
  }

  #receive(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    if ('method' in message) {
      if ('id' in message || typeof message.method !== 'string') return;
      const params = 'params' in message ? message.params : undefined;
      for (const listener of [...this.#listeners]) listener(message.method, params);
      return;
    }
    const id = 'id' in message && typeof message.id === 'number' ? message.id : -1;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if ('error' in message) waiting.reject(daemonErrorOf(message.error));
    else waiting.resolve('result' in message ? message.result : undefined);
  }

  #end(reason: ConnectionEnd): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of lost) waiting.reject(connectionLost());
    for (const listener of [...this.#closeListeners]) listener(reason);
    this.#closeListeners.clear();
  }
}

function connectionLost(): DaemonError {
  return new DaemonError({ code: 'daemon-connection-lost', retryable: true, details: {} });
}
