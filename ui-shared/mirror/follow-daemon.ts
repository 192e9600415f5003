/**
 * Keeps a mirror of the daemon for as long as it is wanted: connects, subscribes, follows; after a gap, a restart or a
 * lost connection it begins anew. It never shows an old state as if it were true: it says `lost`, and since when.
 */

import { stateChangeNotification, subscriberTooSlowNotification } from '@sikkerkey/protocol/local/wire.ts';
import type { Timekeeper } from '../client/connection.ts';
import type { DaemonClient } from '../client/daemon-client.ts';
import type { ErrorDetails } from '../client/daemon-error.ts';
import { DaemonError } from '../client/daemon-error.ts';
import { Mirror, type MirroredState } from './mirror.ts';

export type Link =
  /** Not there yet, and not long enough to call it a failure. */
  | { readonly kind: 'connecting'; readonly state: null }
  | { readonly kind: 'live'; readonly state: MirroredState }
  /** `state` is the last that was known, to be shown in grey. */
  | {
      readonly kind: 'lost';
      readonly state: MirroredState | null;
      readonly since: number;
      readonly code: string;
      readonly details: ErrorDetails;
    };

export interface DaemonFollower {
  current(): Link;
  /** The listener is called after `current` has changed, at most once every `coalesceMs`. Returns what removes it. */
  subscribe(listener: () => void): () => void;
  /** The client of the live connection, for actions; null while there is none. */
  client(): DaemonClient | null;
  /** Ends for good. */
  stop(): void;
}

export interface FollowParts {
  /** Opens one connection; throws what connecting throws (an error with `code` and `details`). */
  readonly connect: () => Promise<DaemonClient>;
  readonly clock: Timekeeper;
  readonly coalesceMs?: number;
}

const firstRetryMs = 250;
const longestRetryMs = 5000;
/** The daemon says `alive` every 5 s; silence longer than this means that it or the machine's sleep swallowed it. */
const longestSilenceMs = 12_500;
/** While this lasts, "starting" is shown rather than "not running". */
const startingGraceMs = 3000;

interface Ending {
  /** `failed`: never live · `gap`: live, but a change was lost · `lost`: live, then gone. */
  readonly kind: 'failed' | 'gap' | 'lost';
  readonly code: string;
  readonly details: ErrorDetails;
}

export function followDaemon(parts: FollowParts): DaemonFollower {
  const follower = new Follower(parts);
  void follower.run();
  return follower;
}

class Follower implements DaemonFollower {
  readonly #parts: FollowParts;
  readonly #stopped = new AbortController();
  readonly #listeners = new Set<() => void>();
  #link: Link = { kind: 'connecting', state: null };
  #client: DaemonClient | null = null;
  #flushing = false;

  constructor(parts: FollowParts) {
    this.#parts = parts;
  }

  current(): Link {
    return this.#link;
  }

  client(): DaemonClient | null {
    return this.#client;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  stop(): void {
    this.#stopped.abort();
    this.#client?.close();
    this.#client = null;
  }

  async run(): Promise<void> {
    const begun = this.#parts.clock.monotonic();
    let retryMs = firstRetryMs;
    while (!this.#stopped.signal.aborted) {
      const ended = await this.#followOnce();
      if (this.#stopped.signal.aborted) return;
      if (ended.kind !== 'failed') retryMs = firstRetryMs;
      const isStarting = this.#link.kind === 'connecting' && this.#parts.clock.monotonic() - begun < startingGraceMs;
      // After a gap the daemon is there and only a change was lost; subscribing anew mends it, so no banner.
      if (ended.kind !== 'gap' && !isStarting) this.#lose(ended.code, ended.details);
      await this.#parts.clock.sleep(retryMs, this.#stopped.signal).catch(() => undefined);
      retryMs = Math.min(longestRetryMs, retryMs * 2);
    }
  }

  /** One connection from hello to its end. Answers why it ended. */
  async #followOnce(): Promise<Ending> {
    let client: DaemonClient;
    try {
      client = await this.#parts.connect();
    } catch (error) {
      return { kind: 'failed', ...reasonOf(error) };
    }
    if (this.#stopped.signal.aborted) {
      client.close();
      return { kind: 'failed', code: 'daemon-connection-lost', details: {} };
    }
    this.#client = client;
    try {
      return await this.#mirrorUntilItEnds(client);
    } catch (error) {
      return { kind: 'failed', ...reasonOf(error) };
    } finally {
      this.#client = null;
      client.close();
    }
  }

  async #mirrorUntilItEnds(client: DaemonClient): Promise<Ending> {
    let ended = false;
    let gap = false;
    let mirror: Mirror | null = null;
    let heardAt = this.#parts.clock.monotonic();
    const early: unknown[] = [];
    const endOfConnection = new AbortController();
    const end = (): void => {
      ended = true;
      endOfConnection.abort();
    };
    const beginAnew = (): void => {
      gap = true;
      end();
    };
    const take = (message: unknown): void => {
      if (mirror === null || ended) return;
      const taken = mirror.apply(message);
      if (taken === 'gap') beginAnew();
      else if (taken === 'applied') this.#show({ kind: 'live', state: mirror.state });
    };
    client.onNotification((method, params) => {
      heardAt = this.#parts.clock.monotonic();
      if (method === subscriberTooSlowNotification) beginAnew();
      else if (method === stateChangeNotification && mirror === null) early.push(params);
      else if (method === stateChangeNotification) take(params);
    });
    client.onClose(end);
    mirror = new Mirror(await client.call('state.subscribe', {}, { deadlineMs: 5000 }));
    this.#show({ kind: 'live', state: mirror.state });
    for (const message of early) take(message);
    while (!ended) {
      const silentMs = this.#parts.clock.monotonic() - heardAt;
      if (silentMs >= longestSilenceMs) break;
      await this.#parts.clock.sleep(longestSilenceMs - silentMs, endOfConnection.signal).catch(() => undefined);
    }
    return { kind: gap ? 'gap' : 'lost', code: 'daemon-connection-lost', details: {} };
  }

  #lose(code: string, details: ErrorDetails): void {
    const before = this.#link;
    const since = before.kind === 'lost' ? before.since : this.#parts.clock.now();
    this.#show({ kind: 'lost', state: before.state, since, code, details });
  }

  #show(link: Link): void {
    this.#link = link;
    const { coalesceMs = 0, clock } = this.#parts;
    if (coalesceMs === 0) {
      this.#tell();
      return;
    }
    if (this.#flushing) return;
    this.#flushing = true;
    const flush = (): void => {
      this.#flushing = false;
      this.#tell();
    };
    clock.sleep(coalesceMs, this.#stopped.signal).then(flush, flush);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function reasonOf(error: unknown): { code: string; details: ErrorDetails } {
  if (error instanceof DaemonError) return { code: error.code, details: error.details };
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && 'details' in error) {
    return { code: error.code, details: error.details as ErrorDetails };
  }
  return { code: 'front-end-failed', details: { kind: error instanceof Error ? error.name : 'unknown' } };
}
