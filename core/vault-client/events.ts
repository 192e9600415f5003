/**
 * Reads the vault's event stream: newline-delimited JSON, one `VaultEvent` a line, bounded per line. Unknown kinds are
 * skipped (a newer vault may send them); a line that is no event ends the stream, since nothing after it can be trusted.
 */
import type { VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import { machinePaths } from './paths.ts';
import { isObject, refusalOf } from './refusal.ts';
import { type Exchanges, exchange } from './signed-exchange.ts';
import { TransportFailure } from './transport.ts';

const maxLineBytes = 16_384;
const defaultSilenceMs = 40_000;
const newline = 10;

const kinds: ReadonlySet<string> = new Set<VaultEvent['kind']>([
  'hello',
  'reset',
  'keep-alive',
  'secret-changed',
  'secret-deleted',
  'access-lost',
  'access-granted',
  'rotation-offered',
  'drain-clear',
  'rotation-ended',
]);

export interface EventOptions {
  readonly signal?: AbortSignal;
  readonly silenceMs?: number;
}

/** Yields events until the stream ends. Throws VaultRefusal when it is refused, TransportFailure when it breaks. */
export async function* openEvents(exchanges: Exchanges, cursor: string | null, options: EventOptions): AsyncGenerator<VaultEvent, void> {
  const silence = new AbortController();
  const signal = options.signal === undefined ? silence.signal : AbortSignal.any([options.signal, silence.signal]);
  const body = new TextEncoder().encode(JSON.stringify({ cursor }));
  const stream = await exchange(
    exchanges,
    { method: 'POST', path: machinePaths.events, body, timeoutMs: 10_000, maxAnswerBytes: Number.MAX_SAFE_INTEGER, signal },
    (request) => exchanges.transport.stream(request),
  );
  if (stream.status !== 200) throw refusalOf({ ...stream, body: await firstBytes(stream.chunks) });
  const decoder = new LineDecoder();
  const watched = withSilenceLimit(exchanges, stream.chunks, options.silenceMs ?? defaultSilenceMs, silence);
  for await (const chunk of watched) {
    for (const line of decoder.push(chunk)) {
      const event = eventOf(line);
      if (event !== null) yield event;
    }
  }
}

/** Collects lines out of chunks that are cut anywhere. */
export class LineDecoder {
  #pending: Uint8Array = new Uint8Array();

  /** Complete lines, without their ends and without empty ones. Throws TransportFailure for a line that is too long. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const lines: Uint8Array[] = [];
    let rest = this.#pending.byteLength === 0 ? chunk : joined(this.#pending, chunk);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      if (end > maxLineBytes) throw new TransportFailure('answer-too-large');
      if (end > 0) lines.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.byteLength > maxLineBytes) throw new TransportFailure('answer-too-large');
    this.#pending = rest.slice();
    return lines;
  }
}

/** The event of a line; null for a kind that this client does not know. Throws TransportFailure for what is no event. */
export function eventOf(line: Uint8Array): VaultEvent | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch (cause) {
    throw new TransportFailure('connection-lost', { cause });
  }
  if (!isObject(parsed) || typeof parsed['kind'] !== 'string' || typeof parsed['cursor'] !== 'string') {
    throw new TransportFailure('connection-lost');
  }
  return kinds.has(parsed['kind']) ? (parsed as VaultEvent) : null;
}

async function* withSilenceLimit(
  exchanges: Exchanges,
  chunks: AsyncIterable<Uint8Array>,
  silenceMs: number,
  silence: AbortController,
): AsyncGenerator<Uint8Array, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const chunkCame = new AbortController();
      const tooQuiet = exchanges.clock.sleep(silenceMs, chunkCame.signal).then(
        () => {
          silence.abort();
          throw new TransportFailure('timeout');
        },
        () => new Promise<never>(() => undefined),
      );
      const next = await Promise.race([iterator.next(), tooQuiet]).finally(() => chunkCame.abort());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function firstBytes(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    bytes = joined(bytes, chunk);
    if (bytes.byteLength > maxLineBytes) break;
  }
  return bytes;
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.byteLength + right.byteLength);
  both.set(left);
  both.set(right, left.byteLength);
  return both;
}
