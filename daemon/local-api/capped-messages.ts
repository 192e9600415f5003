/**
 * The message reader and writer that vscode-jsonrpc converses through, with what it lacks: a size limit that is checked
 * before anything is kept, and a bound on what a slow peer may leave unread.
 */
import type { Socket } from 'node:net';
import { encodeFrame, FrameDecoder, FramingError } from '@sikkerkey/protocol/local/framing.ts';
import { maxRequestBytes } from '@sikkerkey/protocol/local/methods.ts';
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  type DataCallback,
  Disposable,
  type Message,
  type MessageWriter,
} from 'vscode-jsonrpc/node';

export class CappedReader extends AbstractMessageReader {
  readonly #socket: Socket;
  readonly #onFault: (fault: FramingError['fault']) => void;

  constructor(socket: Socket, onFault: (fault: FramingError['fault']) => void) {
    super();
    this.#socket = socket;
    this.#onFault = onFault;
  }

  override listen(callback: DataCallback): Disposable {
    const decoder = new FrameDecoder(maxRequestBytes);
    const onData = (chunk: Uint8Array): void => {
      try {
        for (const message of decoder.push(chunk)) {
          if (isMessage(message)) callback(message);
          else throw new FramingError('not-json');
        }
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        this.#socket.off('data', onData);
        this.#onFault(error.fault);
      }
    };
    const onClose = (): void => this.fireClose();
    this.#socket.on('data', onData);
    this.#socket.on('close', onClose);
    return Disposable.create(() => {
      this.#socket.off('data', onData);
      this.#socket.off('close', onClose);
    });
  }
}

export class SocketWriter extends AbstractMessageWriter implements MessageWriter {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  write(message: Message): Promise<void> {
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(message));
    return Promise.resolve();
  }

  end(): void {
    this.#socket.end();
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'jsonrpc' in value && value.jsonrpc === '2.0';
}
