/**
 * The vault client's transport on Node: one undici pool for one base URL. Certificates are always verified; redirects
 * are not followed (wire-runtime §1.3); every exchange has a deadline and a size limit.
 */
import {
  type AnswerHeaders,
  TransportFailure,
  type TransportFault,
  type VaultRequest,
  type VaultResponse,
  type VaultStream,
  type VaultTransport,
} from '@sikkerkey/core/vault-client/transport.ts';
import { type Dispatcher, Pool } from 'undici';
import { systemClock } from './system-clock.ts';

export interface VaultTransportOptions {
  /** `https://host[:port]` or `http://host[:port]`; a base path is kept out of what is signed and refused here. */
  readonly baseUrl: string;
  /** PEM of a further authority to trust. */
  readonly ca?: string;
  /** Connections at most, the event stream's included. */
  readonly connections?: number;
}

/** Throws TypeError for what is no http(s) origin. */
export function createVaultTransport(options: VaultTransportOptions): VaultTransport {
  const origin = originOf(options.baseUrl);
  const pool = new Pool(origin, {
    connections: options.connections ?? 8,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: { timeout: 5_000, ...(options.ca === undefined ? {} : { ca: options.ca }) },
  });
  return {
    request: (request) => sendRequest(pool, request),
    stream: (request) => openStream(pool, request),
    close: () => pool.destroy(),
  };
}

/** The origin of an `apiUrl`, without a trailing slash. Throws TypeError. */
export function originOf(baseUrl: string): string {
  const url = new URL(baseUrl);
  const plain = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || !plain) throw new TypeError('not an http origin');
  return url.origin;
}

async function sendRequest(pool: Pool, request: VaultRequest): Promise<VaultResponse> {
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]);
  try {
    const answer = await pool.request({ ...exchangeOf(request), signal });
    return { status: answer.statusCode, headers: headersOf(answer.headers), body: await bodyOf(answer.body, request.maxAnswerBytes) };
  } catch (error) {
    throw failureOf(error, request.signal, deadline);
  }
}

async function openStream(pool: Pool, request: VaultRequest): Promise<VaultStream> {
  const deadline = new AbortController();
  const answered = new AbortController();
  systemClock.sleep(request.timeoutMs, answered.signal).then(
    () => deadline.abort(),
    () => undefined,
  );
  const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([request.signal, deadline.signal]);
  try {
    const answer = await pool.request({ ...exchangeOf(request), signal, bodyTimeout: 0 });
    return { status: answer.statusCode, headers: headersOf(answer.headers), chunks: chunksOf(answer.body, request.signal) };
  } catch (error) {
    throw failureOf(error, request.signal, deadline.signal);
  } finally {
    answered.abort();
  }
}

function exchangeOf(request: VaultRequest): Dispatcher.RequestOptions {
  return {
    method: request.method,
    path: request.path,
    headers: { ...request.headers },
    body: request.body,
    headersTimeout: request.timeoutMs,
    bodyTimeout: request.timeoutMs,
  };
}

async function bodyOf(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new TransportFailure('answer-too-large');
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : new Uint8Array(Buffer.concat(chunks));
}

async function* chunksOf(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body;
  } catch (error) {
    throw failureOf(error, signal, null);
  }
}

function headersOf(headers: Readonly<Record<string, string | string[] | undefined>>): AnswerHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
}

function failureOf(cause: unknown, asked: AbortSignal | undefined, deadline: AbortSignal | null): TransportFailure {
  if (cause instanceof TransportFailure) return cause;
  if (asked?.aborted === true) return new TransportFailure('cancelled', { cause });
  if (deadline?.aborted === true) return new TransportFailure('timeout', { cause });
  return new TransportFailure(faultOfCode(codeOf(cause)), { cause });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : codeOf(error.cause);
}

function faultOfCode(code: string): TransportFault {
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code)) return 'connect-failed';
  if (/^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT|ETIMEDOUT)$/.test(code)) return 'timeout';
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|HOSTNAME_MISMATCH/.test(code)) return 'tls-untrusted';
  return 'connection-lost';
}
