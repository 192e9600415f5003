/**
 * How many connections one address may hold, so that one host cannot take every place that there is. Connections that
 * say nothing are closed by the server's own time limits; this bounds how many there are until then.
 */
import type { Server, Socket } from 'node:net';
import { errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import { errorCodeHeader } from '@sikkerkey/protocol/signing.ts';
import { lockoutAddress } from '../request-check/address-lockout.ts';

const code = 'too-many-connections';
/** Bytes for whoever is turned away, where they can be read: not before TLS was agreed on. */
const body = JSON.stringify({ error: errorCatalogue[code].title });
const head = `content-type: application/json\r\n${errorCodeHeader}: ${code}\r\nretry-after: 5\r\ncontent-length: ${body.length}`;
const refusal = `HTTP/1.1 503 Service Unavailable\r\n${head}\r\nconnection: close\r\n\r\n${body}`;

export class ConnectionLimit {
  readonly #ofOneAddress: number;
  readonly #open = new Map<string, number>();

  constructor(ofOneAddress: number) {
    this.#ofOneAddress = ofOneAddress;
  }

  /** Counts the connections of a server from now on; those of several servers count together. */
  watch(server: Server, isClear: boolean): void {
    server.on('connection', (socket: Socket) => this.#admit(socket, isClear));
  }

  #admit(socket: Socket, isClear: boolean): void {
    const address = lockoutAddress(socket.remoteAddress);
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#ofOneAddress) {
      if (isClear) socket.write(refusal);
      socket.destroySoon();
      return;
    }
    this.#open.set(address, open + 1);
    socket.once('close', () => this.#leave(address));
  }

  #leave(address: string): void {
    const open = (this.#open.get(address) ?? 1) - 1;
    if (open === 0) this.#open.delete(address);
    else this.#open.set(address, open);
  }
}
