/**
 * Callbacks for secrets that change. Every newer version is delivered once, in order, with its value; two that follow
 * each other closely may arrive as one, the newer. A callback that throws does not disturb the others.
 */
import type { ChangeFeed, FeedFact } from './change-feed.ts';
import { isLost, type SikkerKeyError } from './errors.ts';
import { type Fields, fieldsOf } from './structured-value.ts';
import { type SecretAnswer, sdkErrorOf } from './vault-calls.ts';

export type WatchStatus = 'changed' | 'deleted' | 'access_denied' | 'error';

export interface WatchEvent {
  readonly secretId: string;
  readonly status: WatchStatus;
  /** Only with `changed`. */
  readonly value: string | null;
  /** Only with `changed`, of a structured secret. */
  readonly fields: Fields | null;
  /** Null from a vault that tells no versions. */
  readonly version: number | null;
  readonly error: SikkerKeyError | null;
}

export type WatchCallback = (event: WatchEvent) => void | Promise<void>;

export interface WatchSources {
  readonly feed: ChangeFeed;
  readonly read: (secretId: string) => Promise<SecretAnswer>;
  /** The newest version that this process has read; what is newer than this is news. */
  readonly newestSeen: (secretId: string) => number | undefined;
  /** The live version now; null from a vault that tells none. */
  readonly liveVersion: (secretId: string) => Promise<number | null>;
}

export class Watch {
  readonly #secretId: string;
  readonly #callback: WatchCallback;
  readonly #sources: WatchSources;
  readonly #unsubscribe: () => void;
  #known: number | undefined;
  #wanted = false;
  #delivering = false;
  #ended = false;

  constructor(secretId: string, callback: WatchCallback, sources: WatchSources) {
    this.#secretId = secretId;
    this.#callback = callback;
    this.#sources = sources;
    this.#known = sources.newestSeen(secretId);
    this.#unsubscribe = sources.feed.subscribe(secretId, (fact) => this.#learn(fact));
    if (this.#known === undefined) void this.#look();
  }

  end(): void {
    this.#ended = true;
    this.#unsubscribe();
  }

  #learn(fact: FeedFact): void {
    switch (fact.kind) {
      case 'version':
        if (this.#isNews(fact)) this.#deliverNewest();
        return;
      case 'deleted':
      case 'denied':
        this.end();
        this.#tell({ status: fact.kind === 'deleted' ? 'deleted' : 'access_denied' });
        return;
      case 'granted':
        void this.#look();
        return;
      case 'failed':
        this.#tell({ status: 'error', error: fact.error });
        return;
      default:
        fact satisfies never;
    }
  }

  /** What the application begins with, when it has read nothing yet. The feed tells it later if this cannot. */
  async #look(): Promise<void> {
    const version = await this.#sources.liveVersion(this.#secretId).catch(() => null);
    if (version !== null && !this.#ended) this.#learn({ kind: 'version', version, pushed: false });
  }

  /** The first version that a poll tells, when nothing was read before, is the start and no news. */
  #isNews({ version, pushed }: Extract<FeedFact, { kind: 'version' }>): boolean {
    if (version === null) return true;
    if (this.#known === undefined && !pushed) {
      this.#known = version;
      return false;
    }
    return version > (this.#known ?? 0);
  }

  #deliverNewest(): void {
    this.#wanted = true;
    if (this.#delivering) return;
    this.#delivering = true;
    void this.#deliver().finally(() => {
      this.#delivering = false;
    });
  }

  async #deliver(): Promise<void> {
    while (this.#wanted && !this.#ended) {
      this.#wanted = false;
      try {
        const { value, version } = await this.#sources.read(this.#secretId);
        if (this.#ended) return;
        if (version !== null && version <= (this.#known ?? 0)) continue;
        this.#known = version ?? undefined;
        this.#tell({ status: 'changed', value, version, fields: fieldsOf(value) });
      } catch (error) {
        if (this.#ended) return;
        if (isLost(error)) this.end();
        this.#tell({ status: isLost(error) ? 'access_denied' : 'error', error: sdkErrorOf(error) });
      }
    }
  }

  /** An error of the callback is the application's: it surfaces as an unhandled rejection, as from any listener. */
  #tell(event: Partial<WatchEvent> & Pick<WatchEvent, 'status'>): void {
    const whole: WatchEvent = { secretId: this.#secretId, value: null, fields: null, version: null, error: null, ...event };
    void Promise.resolve().then(() => this.#callback(whole));
  }
}
