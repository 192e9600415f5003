/** One connection over the daemon's socket: frames in and out, replies capped, an end reported exactly once. */
import { connect, type Socket } from 'node:net';
import { encodeFrame, FrameDecoder } from '@sikkerkey/protocol/local/framing.ts';
import { maxReplyBytes } from '@sikkerkey/protocol/local/wire.ts';
import type { ConnectionEnd, DaemonConnection } from '@sikkerkey/ui-shared/client/connection.ts';

/** Connects, waiting at most `timeoutMs`. Rejects with the system's error (ECONNREFUSED, ENOENT, EACCES) or ETIMEDOUT. */
export async function connectSocket(path: string, timeoutMs: number): Promise<DaemonConnection> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => {
      socket.destroy(Object.assign(new Error('connecting to the daemon took too long'), { code: 'ETIMEDOUT' }));
    });
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.setTimeout(0);
  return framedConnection(socket);
}

function framedConnection(socket: Socket): DaemonConnection {
  const decoder = new FrameDecoder(maxReplyBytes);
  const early: unknown[] = [];
  let deliver: ((message: unknown) => void) | null = null;
  let onEnd: ((reason: ConnectionEnd) => void) | null = null;
  let ended: ConnectionEnd | null = null;

  const end = (reason: ConnectionEnd): void => {
    if (ended !== null) return;
    ended = reason;
    onEnd?.(reason);
  };
  const decode = (chunk: Uint8Array): readonly unknown[] | null => {
    try {
      return decoder.push(chunk);
    } catch {
      // Nothing after a bad frame can be trusted; the reason travels as the end's kind, not as text.
      return null;
    }
  };
  socket.on('data', (chunk: Uint8Array) => {
    const messages = decode(chunk);
    if (messages === null) {
      end('unusable');
      socket.destroy();
      return;
    }
    for (const message of messages) {
      if (deliver === null) early.push(message);
      else deliver(message);
    }
  });
  // The reason of a broken connection is of no use to the caller: a request in flight is lost either way.
  socket.on('error', () => undefined);
  socket.once('close', () => {
    end('closed');
  });

  return {
    send: (message) => {
      if (ended === null && !socket.destroyed) socket.write(encodeFrame(message));
    },
    onMessage: (listener) => {
      deliver = listener;
      for (const message of early.splice(0)) listener(message);
    },
    onClose: (listener) => {
      onEnd = listener;
      if (ended !== null) listener(ended);
    },
    close: () => {
      socket.end();
      socket.destroySoon();
    },
  };
}
