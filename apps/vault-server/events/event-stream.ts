/**
 * One listener's stream of newline-delimited events (protocol/vault/machine.ts, `events`): hello, then what was
 * committed after the cursor and may be seen by this machine at that moment, a keep-alive every 15 s, and an end when
 * the vault is sealed or the machine may not listen any more. Reads on only when the connection took what was written.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import type { EventPage } from '../storage/records.ts';
import type { VaultParts } from '../vault-parts.ts';
import { keepAliveMs, type Listener, pause } from './event-hub.ts';

type Parts = Pick<VaultParts, 'storage' | 'clock' | 'hub'>;

export type StreamEnd = 'client-gone' | 'client-too-slow' | 'access-ended' | 'sealed' | 'stopping';

const pageSize = 200;
/** A client that takes nothing for this long is cut; it comes back with its cursor. */
const drainPatienceMs = 30_000;

/** The first page, read before the answer begins: a machine that may not listen gets a refusal instead of a stream. */
export interface StreamStart {
  readonly machineId: string;
  /** Where the listener stands; the answer says hello from here. */
  readonly cursor: string;
  readonly page: EventPage;
}

/** Resolves when the stream has ended, with the reason. */
export async function streamEvents(parts: Parts, start: StreamStart, output: Writable): Promise<StreamEnd> {
  return new EventStream(parts, start.machineId, output).run(start);
}

/** `cursor` null: from now on. */
export async function startOfStream(storage: Parts['storage'], machineId: string, cursor: string | null): Promise<StreamStart> {
  const from = cursor ?? (await storage.eventCursor());
  return { machineId, cursor: from, page: await storage.eventsAfter({ machineId, cursor: from, limit: pageSize }) };
}

class EventStream implements Listener {
  readonly #parts: Parts;
  readonly #machineId: string;
  readonly #output: Writable;
  readonly #gone = new AbortController();
  #bell = new AbortController();
  #end: StreamEnd | null = null;

  constructor(parts: Parts, machineId: string, output: Writable) {
    this.#parts = parts;
    this.#machineId = machineId;
    this.#output = output;
  }

  wake(): void {
    this.#bell.abort();
  }

  close(reason: 'sealed' | 'stopping'): void {
    this.#finish(reason);
  }

  async run(start: StreamStart): Promise<StreamEnd> {
    const { hub } = this.#parts;
    const onClose = (): void => this.#finish('client-gone');
    this.#output.once('close', onClose);
    this.#output.on('error', onClose);
    // Listening begins before the next read, else a commit between would be noticed only by the keep-alive.
    hub.add(this);
    try {
      if (start.page.kind !== 'reset') await this.#write([this.#hello(start.cursor)]);
      let page = start.page;
      let cursor = await this.#send(page);
      while (cursor !== null && this.#end === null) {
        if (!isCut(page)) await this.#rest(cursor);
        if (this.#end !== null) break;
        page = await this.#parts.storage.eventsAfter({ machineId: this.#machineId, cursor, limit: pageSize });
        cursor = await this.#send(page);
      }
      return this.#end ?? 'access-ended';
    } finally {
      hub.remove(this);
      this.#output.end();
    }
  }

  /** Waits for a wake-up; after a quiet spell says that the stream lives. */
  async #rest(cursor: string): Promise<void> {
    const bell = this.#bell;
    if (!bell.signal.aborted) {
      await pause(this.#parts.clock, keepAliveMs, AbortSignal.any([bell.signal, this.#gone.signal]));
      if (!bell.signal.aborted) await this.#write([{ kind: 'keep-alive', cursor, serverTime: this.#parts.clock.now() }]);
    }
    this.#bell = new AbortController();
  }

  /** Writes a page; the cursor to go on from, or null when the machine may not listen any more. */
  async #send(page: EventPage): Promise<string | null> {
    if (page.kind === 'stopped') return null;
    if (page.kind === 'events') await this.#write(page.events);
    else await this.#write([{ kind: 'reset', cursor: page.cursor }, this.#hello(page.cursor)]);
    return page.cursor;
  }

  #hello(cursor: string): VaultEvent {
    return { kind: 'hello', cursor, serverTime: this.#parts.clock.now() };
  }

  async #write(events: readonly VaultEvent[]): Promise<void> {
    if (events.length === 0 || this.#end !== null) return;
    const taken = this.#output.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    if (taken || this.#end !== null) return;
    const drained = new AbortController();
    const tooSlow = pause(this.#parts.clock, drainPatienceMs, AbortSignal.any([drained.signal, this.#gone.signal])).then(() => {
      if (drained.signal.aborted || this.#end !== null) return;
      this.#finish('client-too-slow');
      this.#output.destroy();
    });
    await once(this.#output, 'drain', { signal: this.#gone.signal }).catch((error: unknown) => {
      if (!this.#gone.signal.aborted) throw error;
    });
    drained.abort();
    await tooSlow;
  }

  #finish(reason: StreamEnd): void {
    this.#end ??= reason;
    this.#gone.abort();
  }
}

const isCut = (page: EventPage): boolean => page.kind === 'events' && page.more;
