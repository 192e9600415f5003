/**
 * Tells within a moment that a secret has a newer version: by the vault's event stream, and while that is down, or with
 * a vault that has none, by a jittered poll. One for each client, running only while somebody listens.
 */
import { type BackoffPolicy, backoffAfter, fullJitter } from '@sikkerkey/core/backoff.ts';
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import type { SikkerKeyError } from './errors.ts';
import { type PolledSecret, sdkErrorOf, type VaultCalls } from './vault-calls.ts';

export type FeedFact =
  /** The live version, or null where the vault says only that the value changed. May repeat what is known. */
  | { readonly kind: 'version'; readonly version: number | null; readonly pushed: boolean }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'denied' }
  /** This machine was given access; changes before that were not told. */
  | { readonly kind: 'granted' }
  /** Nothing could be learned just now; the feed goes on trying. */
  | { readonly kind: 'failed'; readonly error: SikkerKeyError };

export type FeedListener = (fact: FeedFact) => void;

/** The server's own minimum; published clients poll every 15 s. */
export const shortestPollMs = 10_000;
const stableMs = 5000;
const reconnects: BackoffPolicy = { firstMs: 500, factor: 2, maxMs: 15_000 };

export class ChangeFeed {
  readonly #calls: VaultCalls;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #listeners = new Map<string, Set<FeedListener>>();
  #pollIntervalMs: number;
  #running: AbortController | null = null;
  #finished: Promise<void> = Promise.resolve();
  #cursor: string | null = null;
  #polledAt: number | null = null;
  /** Whether changes may have passed that the stream will not tell: before its beginning, at a reset, around a stop. */
  #pollDue = true;
  #failures = 0;

  constructor(calls: VaultCalls, clock: Clock, random: Random, pollIntervalMs: number) {
    this.#calls = calls;
    this.#clock = clock;
    this.#random = random;
    this.#pollIntervalMs = Math.max(shortestPollMs, pollIntervalMs);
  }

  setPollInterval(milliseconds: number): void {
    this.#pollIntervalMs = Math.max(shortestPollMs, milliseconds);
  }

  /** Subscribe before reading, else a change between the two is lost. Returns the end of the subscription. */
  subscribe(secretId: string, listener: FeedListener): () => void {
    const listeners = this.#listeners.get(secretId) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(secretId, listeners);
    this.#start();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(secretId) === listeners) this.#listeners.delete(secretId);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  /** Ends the stream and every wait; resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stop();
    await this.#finished;
  }

  #start(): void {
    if (this.#running !== null) return;
    const running = new AbortController();
    this.#running = running;
    this.#cursor = null;
    this.#pollDue = true;
    this.#finished = this.#finished.then(() => this.#run(running.signal));
  }

  #stop(): void {
    this.#running?.abort();
    this.#running = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (await this.#calls.speaksV2()) await this.#followEvents(signal);
        else await this.#poll();
      } catch (error) {
        if (signal.aborted) return;
        await this.#bridge(sdkErrorOf(error));
      }
      await this.#clock.sleep(await this.#pauseMs(), signal).catch(() => undefined);
    }
  }

  /** Returns when the stream ends in order (the vault was sealed, say), throws when it breaks. */
  async #followEvents(signal: AbortSignal): Promise<void> {
    this.#failures += 1;
    const openedAt = this.#clock.monotonic();
    for await (const event of this.#calls.events(this.#cursor, signal)) {
      // A stream that opens and breaks again and again is no success.
      if (this.#clock.monotonic() - openedAt >= stableMs) this.#failures = 0;
      if (event.kind === 'reset') this.#pollDue = true;
      this.#cursor = event.cursor;
      if (this.#pollDue) await this.#poll();
      this.#tellEvent(event);
    }
    if (signal.aborted) return;
    this.#pollDue = true;
    await this.#bridge(null);
  }

  /** Between two streams: a poll, if the last one is long enough ago. */
  async #bridge(cause: SikkerKeyError | null): Promise<void> {
    if (this.#polledAt !== null && this.#clock.monotonic() - this.#polledAt < this.#pollIntervalMs) return;
    try {
      await this.#poll();
    } catch (error) {
      const failure = cause ?? sdkErrorOf(error);
      for (const secretId of this.#listeners.keys()) this.#tell(secretId, { kind: 'failed', error: failure });
    }
  }

  async #poll(): Promise<void> {
    const secretIds = [...this.#listeners.keys()];
    this.#polledAt = this.#clock.monotonic();
    for (let from = 0; from < secretIds.length; from += 1000) {
      for (const polled of await this.#calls.poll(secretIds.slice(from, from + 1000))) this.#tellPolled(polled);
    }
    this.#pollDue = false;
  }

  /** A stream is opened again soon, a poll repeated in its interval; neither by many clients in the same moment. */
  async #pauseMs(): Promise<number> {
    const pushes = await this.#calls.speaksV2().catch(() => true);
    if (!pushes) return this.#pollIntervalMs + fullJitter(this.#pollIntervalMs / 5, this.#random);
    return 50 + fullJitter(backoffAfter(this.#failures, reconnects), this.#random);
  }

  #tellPolled({ secretId, status, version }: PolledSecret): void {
    if (status === 'deleted' || status === 'denied') this.#tell(secretId, { kind: status });
    else if (status === 'changed' || version !== null) this.#tell(secretId, { kind: 'version', version, pushed: false });
  }

  #tellEvent(event: VaultEvent): void {
    if (event.kind === 'secret-changed') this.#tell(event.secretId, { kind: 'version', version: event.version, pushed: true });
    if (event.kind === 'secret-deleted') this.#tell(event.secretId, { kind: 'deleted' });
    if (event.kind === 'access-lost') this.#tell(event.secretId, { kind: 'denied' });
    if (event.kind === 'access-granted') this.#tell(event.secretId, { kind: 'granted' });
  }

  #tell(secretId: string, fact: FeedFact): void {
    for (const listener of [...(this.#listeners.get(secretId) ?? [])]) listener(fact);
  }
}
