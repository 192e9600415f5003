/**
 * The signed vault client, pure over a transport that is passed in: typed calls under /v2, raw ones under /v1, the event
 * stream, the vault's time. No schemas at run time, so that small clients can bundle it: answers are checked for their
 * form only, the vault has checked the rest.
 */
import type { MachineAnswer, MachineBody, MachineRoute, VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { CallOptions } from './call-options.ts';
import { readSpokenProtocol, type SpokenProtocol } from './capabilities.ts';
import { openEvents } from './events.ts';
import { machinePaths, operatorPaths } from './paths.ts';
import { refusalOf, VaultRefusal } from './refusal.ts';
import { type RetryPlan, withRetries } from './retries.ts';
import { ServerTime } from './server-time.ts';
import { type Exchanges, exchange, type Outgoing, type VaultIdentity } from './signed-exchange.ts';
import type { VaultResponse, VaultTransport } from './transport.ts';

export type { CallOptions } from './call-options.ts';
export type { SpokenProtocol } from './capabilities.ts';
export type { VaultIdentity } from './signed-exchange.ts';

export interface VaultClientOptions {
  /** Shown in facts only; the transport is already bound to it. */
  readonly baseUrl: string;
  readonly identity: VaultIdentity;
  readonly transport: VaultTransport;
  readonly clock: Clock;
  readonly random: Random;
  /** For one attempt; 10 s unless told. */
  readonly timeoutMs?: number;
  /** Waits before each further attempt after 429, 503 or no answer. None unless told: the daemon has its own loops. */
  readonly retryDelaysMs?: readonly number[];
}

/** What a person or a schedule asks of the client; every method throws VaultRefusal or TransportFailure. */
export interface VaultClient {
  readonly baseUrl: string;
  readonly identity: VaultIdentity;
  machine<R extends Exclude<MachineRoute, 'events'>>(route: R, body: MachineBody<R>, options?: CallOptions): Promise<MachineAnswer<R>>;
  operator<R extends OperatorRoute>(route: R, body: OperatorBody<R>, options?: CallOptions): Promise<OperatorAnswer<R>>;
  /** Any signed route: the parsed answer of a 200. A null body sends none. */
  call(method: 'GET' | 'POST', path: string, body: unknown, options?: CallOptions): Promise<unknown>;
  /** Whether the vault speaks /v2, only the published protocol, or gave an answer that tells neither. */
  spokenProtocol(options?: CallOptions): Promise<SpokenProtocol>;
  /**
   * The stream of changes from `cursor` (null: from now). Ends when the connection ends or `silenceMs` pass without a
   * line (default 40 s, keep-alives come every 15 s); the caller opens it again from the last cursor.
   */
  events(cursor: string | null, options?: { readonly signal?: AbortSignal; readonly silenceMs?: number }): AsyncGenerator<VaultEvent, void>;
  /** Vault clock minus ours, null before the first answer. */
  skewMs(): number | null;
  /** Round trip of the last answered call; null before the first. */
  latencyMs(): number | null;
  close(): Promise<void>;
}

/** Values of secrets are at most 64 KiB; an export of a thousand of them must fit. */
const maxAnswerBytes = 80 * 1_048_576;

export function createVaultClient(options: VaultClientOptions): VaultClient {
  const { transport, clock } = options;
  const time = new ServerTime(clock);
  const exchanges: Exchanges = { identity: options.identity, transport, clock, random: options.random, time };
  let latencyMs: number | null = null;

  const outgoing = (method: 'GET' | 'POST', path: string, body: unknown, call: CallOptions): Outgoing => ({
    method,
    path,
    body: body === null ? null : new TextEncoder().encode(JSON.stringify(body)),
    timeoutMs: call.timeoutMs ?? options.timeoutMs ?? 10_000,
    maxAnswerBytes,
    signal: call.signal,
  });
  const once = async (request: Outgoing): Promise<VaultResponse> => {
    const startedAt = clock.monotonic();
    const response = await exchange(exchanges, request, (signed) => transport.request(signed));
    latencyMs = clock.monotonic() - startedAt;
    if (response.status !== 200) throw refusalOf(response);
    return response;
  };
  const planOf = (call: CallOptions): RetryPlan => ({
    delaysMs: call.retryDelaysMs ?? options.retryDelaysMs ?? [],
    clock,
    random: options.random,
    signal: call.signal,
  });
  const call = async (method: 'GET' | 'POST', path: string, body: unknown, callOptions: CallOptions = {}): Promise<unknown> =>
    parsed(await withRetries(planOf(callOptions), () => once(outgoing(method, path, body, callOptions))));
  const spokenProtocol = (callOptions: CallOptions = {}): Promise<SpokenProtocol> =>
    withRetries(planOf(callOptions), () => readSpokenProtocol(transport, callOptions));

  return {
    baseUrl: options.baseUrl,
    identity: options.identity,
    call,
    machine: async (route, body, callOptions) => (await call('POST', machinePaths[route], body, callOptions)) as never,
    operator: async (route, body, callOptions) => (await call('POST', operatorPaths[route], body, callOptions)) as never,
    spokenProtocol,
    events: (cursor, streamOptions = {}) => openEvents(exchanges, cursor, streamOptions),
    skewMs: () => time.skewMs,
    latencyMs: () => latencyMs,
    close: () => transport.close(),
  };
}

function parsed(response: VaultResponse): unknown {
  const answer = jsonOf(response.body);
  if (answer === undefined) throw new VaultRefusal(502, 'vault-answer-unreadable', {}, null);
  return answer;
}

/** Undefined for what is no JSON; the parser's own error quotes the answer, which may hold a secret, and is dropped. */
function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
