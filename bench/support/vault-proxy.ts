/** Stands between a daemon and the vault: counts requests, and may lose replies on the way back. */
import { createServer, request as forwardRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Workplace } from './programs.ts';

export interface VaultProxy {
  readonly apiUrl: string;
  requests(): number;
  /** Of the next request to this path the reply is lost, after the vault has acted. */
  loseNextReply(path: string): void;
  lostReplies(): number;
}

export async function startProxy(workplace: Workplace, vaultUrl: string): Promise<VaultProxy> {
  const target = new URL(vaultUrl);
  const toLose = new Set<string>();
  let requests = 0;
  let lost = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const losesReply = toLose.delete(request.url ?? '');
    if (losesReply) lost += 1;
    forward(request, response, target, losesReply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  workplace.atEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return {
    apiUrl: `http://localhost:${typeof address === 'object' ? address?.port : 0}`,
    requests: () => requests,
    loseNextReply: (path) => void toLose.add(path),
    lostReplies: () => lost,
  };
}

function forward(request: IncomingMessage, response: ServerResponse, target: URL, losesReply: boolean): void {
  const options = { host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers };
  const onward = forwardRequest(options, (answer) => {
    if (losesReply) {
      answer.resume();
      answer.on('end', () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on('error', () => request.socket.destroy());
  });
  // A stream that either end leaves ends for both.
  response.on('close', () => onward.destroy());
  onward.on('error', () => request.socket.destroy());
  request.pipe(onward);
}
