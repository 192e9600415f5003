import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TransportFailure, type VaultRequest } from '@sikkerkey/core/vault-client/transport.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { createNodeTransport } from '@sikkerkey/sdk/node-transport.ts';
import { afterEach, expect, test } from 'vitest';
import { soon } from '../support/soon.ts';

let server: Server | null = null;
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  server?.closeAllConnections();
  server?.close();
  server = null;
});

async function transportTo(listener: RequestListener, basePath = '') {
  server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = createNodeTransport(`http://127.0.0.1:${(server.address() as AddressInfo).port}${basePath}`);
  closing.push(() => transport.close());
  return transport;
}

function makeRequest(changes: Partial<VaultRequest> = {}): VaultRequest {
  return { method: 'GET', path: '/v1/secrets', headers: {}, body: null, timeoutMs: 5000, maxAnswerBytes: 1000, ...changes };
}

const faultOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'answered',
    (error: unknown) => (error instanceof TransportFailure ? error.fault : error),
  );

test('sends exactly the bytes of the body with their length, below the base path, on a kept connection', async () => {
  const seen: unknown[] = [];
  const ports = new Set<number | undefined>();
  const transport = await transportTo((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      seen.push([
        request.method,
        request.url,
        request.headers['content-length'],
        request.headers['x-own'],
        Buffer.concat(parts).toString(),
      ]);
      ports.add(request.socket.remotePort);
      response.end('{}');
    });
  }, '/base/');

  await transport.request(makeRequest({ method: 'POST', body: Buffer.from('{"a":"ä"}'), headers: { 'x-own': '1' } }));
  await transport.request(makeRequest({ method: 'POST' }));
  await transport.request(makeRequest());

  expect(seen).toEqual([
    ['POST', '/base/v1/secrets', '10', '1', '{"a":"ä"}'],
    ['POST', '/base/v1/secrets', '0', undefined, ''],
    ['GET', '/base/v1/secrets', undefined, undefined, ''],
  ]);
  expect(ports.size).toBe(1);
});

test('does not follow a redirect: the signature is for this path and this vault', async () => {
  let requests = 0;
  const transport = await transportTo((_request, response) => {
    requests += 1;
    response.writeHead(307, { location: '/elsewhere' }).end();
  });

  expect((await transport.request(makeRequest())).status).toBe(307);
  expect(requests).toBe(1);
});

test.each([
  { name: 'an answer that is too large', fault: 'answer-too-large', listener: (_request, response) => void response.end('x'.repeat(5000)) },
  { name: 'silence', fault: 'timeout', listener: () => undefined },
  {
    name: 'silence in the middle of the answer',
    fault: 'timeout',
    listener: (_request, response) => void response.writeHead(200, { 'content-length': '10' }).write('half'),
  },
  { name: 'a connection that breaks', fault: 'connection-lost', listener: (request) => void request.socket.destroy() },
  {
    name: 'a connection that breaks in the middle of the answer',
    fault: 'connection-lost',
    listener: (request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half', () => request.socket.destroy());
    },
  },
] satisfies { name: string; fault: string; listener: RequestListener }[])('says $fault for $name', async ({ fault, listener }) => {
  const transport = await transportTo(listener);

  expect(await faultOf(transport.request(makeRequest({ timeoutMs: fault === 'timeout' ? 200 : 5_000 })))).toBe(fault);
});

test('says that it could not connect where nobody listens', async () => {
  const transport = createNodeTransport('http://127.0.0.1:1');

  expect(await faultOf(transport.request(makeRequest()))).toBe('connect-failed');
});

test('ends a request and a stream when the caller aborts', async () => {
  const transport = await transportTo((request, response) => {
    if (request.url === '/v2/events') response.writeHead(200).write('{"kind":"hello"}\n');
  });
  const caller = new AbortController();
  const request = faultOf(transport.request(makeRequest({ signal: caller.signal })));
  const stream = await transport.stream(makeRequest({ path: '/v2/events', signal: caller.signal }));
  const chunks: string[] = [];
  const reading = faultOf(
    (async () => {
      for await (const chunk of stream.chunks) chunks.push(Buffer.from(chunk).toString());
    })(),
  );
  await soon(() => expect(chunks).toEqual(['{"kind":"hello"}\n']));

  caller.abort();

  expect(await request).toBe('cancelled');
  expect(await reading).toBe('cancelled');
});

test('a stream lives longer than the time for its headers, and closes when it is no longer read', async () => {
  let closed = false;
  const transport = await transportTo((_request, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.writeHead(200).write('a');
    const pump = (): void => {
      if (!response.destroyed) response.write('b', () => setImmediate(pump));
    };
    pump();
  });
  const stream = await transport.stream(makeRequest({ timeoutMs: 1_000 }));

  const startedAt = systemClock.monotonic();
  for await (const _chunk of stream.chunks) if (systemClock.monotonic() - startedAt > 1_100) break;

  await soon(() => expect(closed).toBe(true));
});
