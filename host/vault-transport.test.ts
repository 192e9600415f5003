import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { VaultRequest, VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { createVaultTransport, originOf } from './vault-transport.ts';

const servers: Server[] = [];
const transports: VaultTransport[] = [];

afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<VaultTransport> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const transport = createVaultTransport({ baseUrl: `http://127.0.0.1:${port}` });
  transports.push(transport);
  return transport;
}

const get = (change: Partial<VaultRequest> = {}): VaultRequest => ({
  method: 'GET',
  path: '/v1/x',
  headers: {},
  body: null,
  timeoutMs: 2_000,
  maxAnswerBytes: 1_000,
  ...change,
});

describe('the transport to a vault', () => {
  test('sends the exact bytes and brings back status, headers and body', async () => {
    const seen: string[] = [];
    const transport = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      seen.push(`${request.method} ${request.url} ${request.headers['x-nonce']} ${Buffer.concat(chunks).toString('utf8')}`);
      response.writeHead(418, { 'X-Sikkerkey-Error': 'teapot' }).end('body');
    });

    const answer = await transport.request(
      get({ method: 'POST', path: '/v2/y', headers: { 'x-nonce': 'n' }, body: new TextEncoder().encode('{"a": 1}') }),
    );

    expect(seen).toEqual(['POST /v2/y n {"a": 1}']);
    expect(answer.status).toBe(418);
    expect(answer.headers['x-sikkerkey-error']).toBe('teapot');
    expect(new TextDecoder().decode(answer.body)).toBe('body');
  });

  test('does not follow redirects', async () => {
    let requests = 0;
    const transport = await serve((_request, response) => {
      requests += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });

    expect((await transport.request(get())).status).toBe(302);
    expect(requests).toBe(1);
  });

  test('gives up on an answer that is too large, too slow, or cut off', async () => {
    const transport = await serve((request, response) => {
      if (request.url === '/v1/large') response.end(Buffer.alloc(5_000));
      if (request.url === '/v1/cut') response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
    });

    await expect(transport.request(get({ path: '/v1/large' }))).rejects.toMatchObject({ fault: 'answer-too-large' });
    await expect(transport.request(get({ path: '/v1/slow', timeoutMs: 50 }))).rejects.toMatchObject({ fault: 'timeout' });
    await expect(transport.request(get({ path: '/v1/cut' }))).rejects.toMatchObject({ fault: 'connection-lost' });
  });

  test('ends a request and a stream when the caller takes it back', async () => {
    const transport = await serve((request, response) => {
      if (request.url === '/v2/events') response.writeHead(200).write('first\n');
    });
    const taken = new AbortController();
    const stream = await transport.stream(get({ path: '/v2/events', signal: taken.signal }));
    const read = (async () => {
      for await (const chunk of stream.chunks) expect(Buffer.from(chunk).toString()).toBe('first\n');
    })();
    const request = transport.request(get({ path: '/v1/slow', signal: taken.signal }));

    const both = Promise.all([
      expect(request).rejects.toMatchObject({ fault: 'cancelled' }),
      expect(read).rejects.toMatchObject({ fault: 'cancelled' }),
    ]);
    taken.abort();

    await both;
  });

  test('says when nobody listens', async () => {
    const transport = await serve(() => undefined);
    const [server] = servers;
    server?.close();
    if (server !== undefined) await once(server, 'close');

    await expect(transport.request(get())).rejects.toMatchObject({ fault: 'connect-failed' });
  });

  test.each(['ftp://x', 'https://host/base', 'https://user:pass@host', 'https://host?x=1', 'nonsense'])(
    'refuses the address %s',
    (address) => {
      expect(() => originOf(address)).toThrow(TypeError);
    },
  );

  test('drops the slash at the end of an address', () => {
    expect(originOf('https://vault.example:8443/')).toBe('https://vault.example:8443');
  });
});
