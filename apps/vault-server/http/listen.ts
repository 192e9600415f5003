/** Binds the addresses of one listen option to one port, with TLS when given a certificate, and closes them in order. */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Clock } from '@sikkerkey/core/clock.ts';
import { ConnectionLimit } from './connection-limit.ts';
import type { ListenAddress } from './listen-address.ts';

export interface TlsFiles {
  readonly certificate: Uint8Array;
  readonly privateKey: Uint8Array;
}

export interface Listening {
  readonly port: number;
  /** Addresses that are bound; `::1` is left out on a host without IPv6. */
  readonly bound: readonly string[];
  /** Stops accepting, lets answers in flight end, and cuts what is still open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** A connection that says nothing, or not all of its request, is closed after these times. */
const handshakeTimeoutMs = 10_000;
/** Idle connections live longer than a client's poll interval, so that polling does not pay for a new handshake. */
const keepAliveMs = 65_000;
const limits: ServerOptions = {
  maxHeaderSize: 8_192,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: keepAliveMs,
  connectionsCheckingInterval: 5_000,
};
const maxConnections = 10_000;
/** Half of all: many hosts may stand behind one address, and none may take every place. */
const maxConnectionsOfAddress = 5_000;
const portAttempts = 5;

/** Throws the system's error (EADDRINUSE, EACCES …) when an address cannot be bound. */
export async function listen(address: ListenAddress, tls: TlsFiles | null, listener: RequestListener, clock: Clock): Promise<Listening> {
  for (let attempt = 1; ; attempt += 1) {
    const connections = new ConnectionLimit(maxConnectionsOfAddress);
    const servers: Server[] = [];
    const bound: string[] = [];
    let port = address.port;
    try {
      for (const host of address.bind) {
        const server = tls === null ? createServer(limits, listener) : createTlsServer({ ...limits, ...tlsOptions(tls) }, listener);
        server.maxConnections = maxConnections;
        connections.watch(server, tls === null);
        server.on('clientError', refuseUnreadable);
        if (!(await bind(server, host, port, servers.length > 0))) continue;
        servers.push(server);
        bound.push(host);
        port = portOf(server);
      }
      return { port, bound, close: (graceMs) => closeAll(servers, graceMs, clock) };
    } catch (error) {
      await closeAll(servers, 0, clock);
      // The port that the system chose on the first family may be taken on the second.
      if (address.port !== 0 || attempt >= portAttempts || !hasCode(error, 'EADDRINUSE')) throw error;
    }
  }
}

function tlsOptions({ certificate, privateKey }: TlsFiles) {
  const minVersion = 'TLSv1.2' as const;
  return { cert: Buffer.from(certificate), key: Buffer.from(privateKey), minVersion, handshakeTimeout: handshakeTimeoutMs };
}

/** False where a further address does not exist on this host. */
function bind(server: Server, host: string, port: number, optional: boolean): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (optional && (hasCode(error, 'EADDRNOTAVAIL') || hasCode(error, 'EAFNOSUPPORT'))) resolve(false);
      else reject(error);
    });
    server.listen({ host, port, ipv6Only: host.includes(':') }, () => resolve(true));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}

async function closeAll(servers: readonly Server[], graceMs: number, clock: Clock): Promise<void> {
  const closed = Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  for (const server of servers) server.closeIdleConnections();
  const patience = new AbortController();
  const outOfPatience = clock.sleep(graceMs, patience.signal).then(
    () => {
      for (const server of servers) server.closeAllConnections();
    },
    () => undefined,
  );
  await closed;
  patience.abort();
  await outOfPatience;
}

/** Bytes that are no HTTP request get the shape of any other refusal, if the socket still takes one. */
function refuseUnreadable(_error: Error, socket: import('node:stream').Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = '{"error":"the vault could not read the request"}';
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-sikkerkey-error: request-malformed\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;
