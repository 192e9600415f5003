/**
 * Serves the control socket. Private from birth: it lies in the data directory, which is closed to others (0700), and
 * is itself 0600. One request for each connection.
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { type ControlAnswer, type ControlRequest, controlRequest, controlSocketPath } from './control-protocol.ts';
import { readLine } from './read-line.ts';

export interface ControlServer {
  close(): Promise<void>;
}

const connectionTimeoutMs = 10_000;

/**
 * Call only while holding the store's lock: a socket found in place then belongs to nobody and is replaced. Throws the
 * system's error where the socket cannot be made.
 */
export async function startControlServer(
  dataDirectory: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<ControlServer> {
  const path = controlSocketPath(dataDirectory);
  await rm(path, { force: true });
  const server = createServer((socket) => {
    serve(socket, answer).catch(() => socket.destroy());
  });
  await listenOn(server, path);
  await chmod(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

async function serve(socket: Socket, answer: (request: ControlRequest) => Promise<ControlAnswer>): Promise<void> {
  socket.setTimeout(connectionTimeoutMs, () => socket.destroy());
  const line = await readLine(socket);
  const request = line === null ? null : readRequest(line);
  const said: ControlAnswer = request === null ? { outcome: 'refused', code: 'request-malformed' } : await answer(request);
  socket.end(`${JSON.stringify(said)}\n`);
}

function readRequest(line: string): ControlRequest | null {
  try {
    return controlRequest.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

function listenOn(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}
