/** Accepts front ends on the private socket, within limits: few may be unintroduced, and none for long. */
import type { Server, Socket } from 'node:net';
import type { Clock } from '@sikkerkey/core/clock.ts';
import { listenPrivately } from './private-socket.ts';
import { Session, type SessionDeps } from './session.ts';

const maxSessions = 256;
const maxUngreeted = 128;
/** Time to say hello. */
const helloWithinMs = 5_000;

export interface LocalServer {
  /** Stops accepting, ends the sessions, and removes the socket. */
  close(): Promise<void>;
}

export async function startLocalServer(directory: string, path: string, deps: SessionDeps, clock: Clock): Promise<LocalServer> {
  const sessions = new Map<Socket, Session>();
  const accept = (socket: Socket): void => {
    const ungreeted = [...sessions.values()].filter((session) => !session.greeted).length;
    if (sessions.size >= maxSessions || ungreeted >= maxUngreeted) {
      deps.log.warn('local-client-refused', { reason: 'too-many-connections' });
      socket.destroy();
      return;
    }
    const session = new Session(socket, deps);
    const gone = new AbortController();
    sessions.set(socket, session);
    socket.once('close', () => {
      sessions.delete(socket);
      gone.abort();
    });
    clock.sleep(helloWithinMs, gone.signal).then(
      () => {
        if (!session.greeted) socket.destroy();
      },
      () => undefined,
    );
  };
  const server = await listenPrivately(directory, path, accept);
  return { close: () => closeServer(server, sessions) };
}

/** Node removes the socket file when the server closes. */
function closeServer(server: Server, sessions: ReadonlyMap<Socket, Session>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const session of sessions.values()) session.close();
    // A peer that never ends its half must not hold the daemon.
    setImmediate(() => {
      for (const socket of sessions.keys()) socket.destroySoon();
    });
  });
}
