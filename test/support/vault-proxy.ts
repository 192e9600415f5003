/**
 * An HTTP proxy on localhost between a daemon and its vault that does what networks do to an answer: loses it, brings
 * the request twice, or lets nothing through for a while. Streams pass through it.
 */

import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';

export type ProxyFault =
  /** The vault acts and answers; the answer is lost. */
  | 'drop-reply'
  /** The vault gets the same bytes twice; the first answer is returned. */
  | 'duplicate';

export interface VaultProxy {
  readonly url: string;
  /** Requests seen, by path. */
  count(path: string): number;
  /** Applies the fault to the next request of this path. Resolves when it was applied. */
  armed(path: string, fault: ProxyFault): Promise<void>;
  /** Refuses every request until called with false; open streams are cut. */
  block(isBlocked: boolean): void;
  /** Refuses this path until called with null; open streams are cut. */
  refuse(path: string | null): void;
  /** Knows nothing below /v2 from now on, as a vault of the published protocol. */
  hideV2(): void;
  stop(): Promise<void>;
}

interface Trap {
  readonly path: string;
  readonly fault: ProxyFault;
  readonly applied: () => void;
}

export async function startVaultProxy(apiUrl: string): Promise<VaultProxy> {
  const counts = new Map<string, number>();
  const upstream = new Agent({ keepAlive: true });
  let trap: Trap | null = null;
  let isBlocked = false;
  let isV2Hidden = false;
  let refused: string | null = null;
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    if (isBlocked || path === refused) {
      incoming.socket.destroy();
      return;
    }
    if (isV2Hidden && path.startsWith('/v2/')) {
      outgoing.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
      return;
    }
    const sprung = trap?.path === path ? trap : null;
    if (sprung !== null) trap = null;
    forward(apiUrl, upstream, incoming, outgoing, sprung).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${portOf(server)}`,
    count: (path) => counts.get(path) ?? 0,
    armed: (path, fault) =>
      new Promise((resolve) => {
        trap = { path, fault, applied: resolve };
      }),
    block: (blocked) => {
      isBlocked = blocked;
      if (blocked) server.closeAllConnections();
    },
    refuse: (path) => {
      refused = path;
      server.closeAllConnections();
    },
    hideV2: () => {
      isV2Hidden = true;
      server.closeAllConnections();
    },
    stop: async () => {
      server.closeAllConnections();
      upstream.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function forward(
  apiUrl: string,
  agent: Agent,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  trap: Trap | null,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const answer = await ask(apiUrl, agent, incoming, body);
  if (trap?.fault === 'duplicate') (await ask(apiUrl, agent, incoming, body)).resume();
  if (trap?.fault === 'drop-reply') {
    answer.resume();
    await once(answer, 'end');
    incoming.socket.destroy();
  } else {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
    outgoing.on('close', () => answer.destroy());
  }
  trap?.applied();
}

async function ask(apiUrl: string, agent: Agent, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  const sent = request(new URL(incoming.url ?? '/', apiUrl), { method: incoming.method ?? 'GET', headers: incoming.headers, agent });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}
