/**
 * The vault's HTTP over node:http and node:https with kept connections: no dependency, no redirect, no retry. Every
 * exchange has a deadline and a size limit; a stream that is no longer read is closed.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import {
  type AnswerHeaders,
  TransportFailure,
  type TransportFault,
  type VaultRequest,
  type VaultResponse,
  type VaultStream,
  type VaultTransport,
} from '@sikkerkey/core/vault-client/transport.ts';

export interface NodeTransportOptions {
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | Uint8Array | undefined;
  /** Connections at once. Default 32. */
  readonly maxConnections?: number | undefined;
}

/** A transport for one base URL (origin and, where there is one, base path). */
export function createNodeTransport(baseUrl: string, options: NodeTransportOptions = {}): VaultTransport {
  const base = new URL(baseUrl);
  const secure = base.protocol === 'https:';
  const basePath = base.pathname.replace(/\/+$/, '');
  const pooled = { keepAlive: true, maxSockets: options.maxConnections ?? 32 };
  const trust = options.ca === undefined ? {} : { ca: typeof options.ca === 'string' ? options.ca : Buffer.from(options.ca) };
  const agent = secure ? new HttpsAgent({ ...pooled, ...trust }) : new HttpAgent(pooled);
  // Streams live for hours: they must not take the connections of the reads.
  const streamAgent = secure ? new HttpsAgent({ keepAlive: false, ...trust }) : new HttpAgent({ keepAlive: false });

  const optionsOf = (request: VaultRequest, through: HttpAgent | HttpsAgent): RequestOptions => ({
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port,
    path: basePath + request.path,
    method: request.method,
    headers: { ...request.headers, ...contentLength(request) },
    agent: through,
  });
  const send = (request: VaultRequest, through: HttpAgent | HttpsAgent, signal: AbortSignal): Promise<IncomingMessage> =>
    headersOf(secure ? httpsRequest : httpRequest, { ...optionsOf(request, through), signal }, request.body);

  return {
    request: (request) => exchange(request, (signal) => send(request, agent, signal)),
    stream: (request) => openStream(request, (signal) => send(request, streamAgent, signal)),
    close: async () => {
      agent.destroy();
      streamAgent.destroy();
    },
  };
}

type Send = (signal: AbortSignal) => Promise<IncomingMessage>;

async function exchange(request: VaultRequest, send: Send): Promise<VaultResponse> {
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
  try {
    const answer = await send(signal);
    const body = await wholeBody(answer, request.maxAnswerBytes);
    return { status: answer.statusCode ?? 0, headers: headersFrom(answer), body };
  } catch (error) {
    throw failureOf(error, deadline, request.signal);
  }
}

async function openStream(request: VaultRequest, send: Send): Promise<VaultStream> {
  const closing = new AbortController();
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const abort = (): void => closing.abort();
  deadline.addEventListener('abort', abort, { once: true });
  request.signal?.addEventListener('abort', abort, { once: true });
  if (request.signal?.aborted) abort();
  try {
    const answer = await send(closing.signal);
    deadline.removeEventListener('abort', abort);
    const chunks = chunksOf(answer, request.signal, abort);
    return { status: answer.statusCode ?? 0, headers: headersFrom(answer), chunks };
  } catch (error) {
    request.signal?.removeEventListener('abort', abort);
    throw failureOf(error, deadline, request.signal);
  }
}

async function* chunksOf(answer: IncomingMessage, signal: AbortSignal | undefined, abort: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer) yield chunk as Uint8Array;
  } catch (error) {
    throw failureOf(error, undefined, signal);
  } finally {
    signal?.removeEventListener('abort', abort);
    answer.destroy();
  }
}

function headersOf(call: typeof httpRequest, options: RequestOptions, body: Uint8Array | null): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = call(options, resolve);
    request.once('error', reject);
    request.end(body ?? undefined);
  });
}

async function wholeBody(answer: IncomingMessage, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer) {
    const bytes = part as Uint8Array;
    size += bytes.length;
    if (size > limit) {
      answer.destroy();
      throw new TransportFailure('answer-too-large');
    }
    parts.push(bytes);
  }
  if (!answer.complete) throw new TransportFailure('connection-lost');
  return Buffer.concat(parts);
}

function contentLength(request: VaultRequest): Record<string, string> {
  if (request.body === null) return request.method === 'POST' ? { 'content-length': '0' } : {};
  return { 'content-length': String(request.body.length) };
}

function headersFrom(answer: IncomingMessage): AnswerHeaders {
  return Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}

function failureOf(error: unknown, deadline: AbortSignal | undefined, signal: AbortSignal | undefined): TransportFailure {
  if (error instanceof TransportFailure) return error;
  if (signal?.aborted) return new TransportFailure('cancelled', { cause: error });
  if (deadline?.aborted) return new TransportFailure('timeout', { cause: error });
  return new TransportFailure(faultOf(error), { cause: error });
}

const neverConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

function faultOf(error: unknown): TransportFault {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (neverConnected.has(code)) return 'connect-failed';
  return /CERT|SELF_SIGNED|UNABLE_TO|TLS_/.test(code) ? 'tls-untrusted' : 'connection-lost';
}
