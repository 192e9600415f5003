/**
 * A TCP proxy on 127.0.0.1 that does to a connection what networks do: cuts it before or after a message passed, or
 * lets the message pass and never brings the reply back.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '@sikkerkey/host/system-clock.ts';

export type Fault =
  /** The message never reaches the server. */
  | 'cut-before'
  /** The message reaches the server; the client's side breaks, and the server notices nothing. */
  | 'cut-after'
  /** The message reaches the server; the client waits for ever. */
  | 'drop-reply';

export interface TcpProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Applies the fault once, to the next chunk from a client that contains the text. Resolves when it was applied. */
  armed(text: string, fault: Fault): Promise<void>;
  /** Waits so long before each chunk towards the server. Zero again for none. */
  delay(ms: number): void;
  /** Changes what the server says on connections from now on. */
  rewriteReplies(change: (reply: Buffer) => Buffer): void;
  /** Breaks every connection now. */
  cut(): void;
  stop(): Promise<void>;
}

interface Trap {
  readonly text: string;
  readonly fault: Fault;
  readonly applied: () => void;
}

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let trap: Trap | null = null;
  let delayMs = 0;
  let rewrite = (reply: Buffer): Buffer => reply;
  const takeTrap = (chunk: Buffer): Trap | null => {
    if (trap === null || !chunk.includes(trap.text)) return null;
    const taken = trap;
    trap = null;
    return taken;
  };
  const server = createServer((client) => {
    const upstream = createConnection(target);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let isDeaf = false;
    const forward = (chunk: Buffer): void => {
      const sprung = takeTrap(chunk);
      if (sprung?.fault === 'cut-before') {
        client.destroy();
        upstream.destroy();
      } else {
        upstream.write(chunk);
      }
      if (sprung?.fault === 'cut-after') {
        isDeaf = true;
        client.destroy();
      }
      if (sprung?.fault === 'drop-reply') isDeaf = true;
      sprung?.applied();
    };
    let forwarded = Promise.resolve();
    client.on('data', (chunk: Buffer) => {
      const waitMs = delayMs;
      forwarded = forwarded.then(() => (waitMs === 0 ? undefined : systemClock.sleep(waitMs))).then(() => forward(chunk));
    });
    upstream.on('data', (chunk: Buffer) => {
      if (!isDeaf) client.write(rewrite(chunk));
    });
    // After a cut on the client's side the server keeps a connection that looks alive, as behind a broken router.
    client.on('close', () => {
      if (!isDeaf) upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
  });
  const port = await listen(server);
  return {
    host: '127.0.0.1',
    port,
    armed: (text, fault) =>
      new Promise((applied) => {
        trap = { text, fault, applied };
      }),
    delay: (ms) => {
      delayMs = ms;
    },
    rewriteReplies: (change) => {
      rewrite = change;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
