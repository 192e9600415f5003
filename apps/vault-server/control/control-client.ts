/** Asks the serving vault of a data directory to unseal, seal or describe itself. */
import { connect } from 'node:net';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type ControlAnswer, type ControlRequest, controlAnswer, controlSocketPath } from './control-protocol.ts';
import { readLine } from './read-line.ts';

/** Throws `vault-not-running` when nobody serves this directory. */
export async function askVault(dataDirectory: string, request: ControlRequest): Promise<ControlAnswer> {
  const socket = connect(controlSocketPath(dataDirectory));
  try {
    const answered = readLine(socket);
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await answered;
    if (line === null) throw notRunning();
    return controlAnswer.parse(JSON.parse(line));
  } catch (error) {
    if (error instanceof CatalogueError) throw error;
    throw notRunning(error);
  } finally {
    socket.destroy();
  }
}

function notRunning(cause?: unknown): CatalogueError {
  return new CatalogueError('vault-not-running', {}, { cause });
}
