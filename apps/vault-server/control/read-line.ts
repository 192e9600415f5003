/** Reads one line of UTF-8 from a control connection, no longer than the protocol allows. */
import type { Socket } from 'node:net';
import { maxControlLineBytes } from './control-protocol.ts';

/** The line without its end; null when the other end closed before it, or sent more than is allowed. */
export function readLine(socket: Socket): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(0x0a);
      const part = end === -1 ? chunk : chunk.subarray(0, end);
      length += part.length;
      chunks.push(part);
      if (length > maxControlLineBytes) resolve(null);
      else if (end !== -1) resolve(Buffer.concat(chunks).toString('utf8'));
    });
    socket.once('end', () => resolve(null));
    socket.once('close', () => resolve(null));
    socket.once('error', reject);
  });
}
