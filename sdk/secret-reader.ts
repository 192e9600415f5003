/**
 * One pool's view of one secret, and its word to the vault (rotation-protocol.md rules 3 and 4): it never goes back to an
 * older version, it knows which version every use under way has, and it acknowledges a version only when no use of an
 * older one is under way or can begin.
 */
import { type BackoffPolicy, backoffAfter, fullJitter, jitterAround } from '@sikkerkey/core/backoff.ts';
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { ChangeFeed, FeedFact } from './change-feed.ts';
import { ConfigurationError, isLost, isOutage } from './errors.ts';
import { type Fields, requiredFieldsOf } from './structured-value.ts';
import type { ReaderName, SecretAnswer, VaultCalls } from './vault-calls.ts';

/** A value as this reader has it. `sequence` rises with every newer value: the version, or negative where the vault tells none. */
export interface ReadSecret {
  readonly secretId: string;
  readonly sequence: number;
  readonly value: string;
  /** Throws SecretStructureError where the value has no fields. */
  fields(): Fields;
}

export interface SecretReaderOptions {
  readonly secretId: string;
  readonly name: ReaderName;
  /** How long a value is used without asking. Undefined: until the vault says that there is a newer one. */
  readonly cacheMs?: number | undefined;
}

const pauses: BackoffPolicy = { firstMs: 250, factor: 2, maxMs: 15_000 };
/** After a loss of access, ±20 %. */
const lookAgainAfterMs = 60_000;
/** Without versions the values are counted from here: below every version, which the vault may tell one day. */
const firstLocalSequence = -1_000_000_000;
/** How long `end` waits for uses under way before it leaves the hold to its deadline. */
const endGraceMs = 5000;

export class SecretReader {
  readonly #calls: VaultCalls;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: SecretReaderOptions;
  readonly #ended = new AbortController();
  readonly #uses = new Map<number, number>();
  readonly #newerListeners = new Set<(secret: ReadSecret) => void>();
  readonly #background = new Set<Promise<void>>();
  readonly #unsubscribe: () => void;
  #current: ReadSecret | null = null;
  /** Whether the vault knows this reader by name, and so waits for its acknowledgements. */
  #named = false;
  #readAt = 0;
  #readsStarted = 0;
  #newestReadStarted = 0;
  #refreshing: Promise<ReadSecret> | null = null;
  #announced = Number.NEGATIVE_INFINITY;
  #following = false;
  /** Whether the vault said that the secret is not (any more) for this machine. */
  #lost = false;
  #lookNow = new AbortController();
  /** Nothing at first: the first read may have been served twice, with another version, before its answer came. */
  #acknowledged = 0;
  #acknowledging = false;
  #whenIdle: (() => void) | null = null;

  constructor(calls: VaultCalls, feed: ChangeFeed, clock: Clock, random: Random, options: SecretReaderOptions) {
    this.#calls = calls;
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#unsubscribe = options.cacheMs === undefined ? feed.subscribe(options.secretId, (fact) => this.#learn(fact)) : () => undefined;
  }

  /**
   * Runs `work` with the newest value. For a login, let `work` be the login and nothing else: what was logged in
   * lives on by itself, and the vault waits for every `work` that has an older value. Throws what the read or `work` throws.
   */
  async use<T>(work: (secret: ReadSecret) => T | Promise<T>): Promise<T> {
    await this.#ensureFresh();
    // Taken anew after the wait and counted in the same breath, so that no acknowledgement can slip in between.
    const secret = this.#current;
    if (secret === null || this.#ended.signal.aborted) throw new ConfigurationError('this reader has been ended');
    this.#uses.set(secret.sequence, (this.#uses.get(secret.sequence) ?? 0) + 1);
    try {
      return await work(secret);
    } finally {
      this.#endUse(secret.sequence);
    }
  }

  /** Asks the vault now, whatever is cached. An older answer than the newest seen is ignored. Throws ApiError, and ConfigurationError after `end`. */
  async refresh(): Promise<ReadSecret> {
    if (this.#ended.signal.aborted) throw new ConfigurationError('this reader has been ended');
    this.#readsStarted += 1;
    const started = this.#readsStarted;
    const reading = this.#calls.read(this.#options.secretId, this.#options.name);
    this.#track(reading);
    return this.#accept(await reading, started);
  }

  /** Resolves with a value newer than `sequence`, or null when none came within the time. Does not ask by itself. */
  async newerThan(sequence: number, withinMs: number): Promise<ReadSecret | null> {
    if (this.#current !== null && this.#current.sequence > sequence) return this.#current;
    const found = new AbortController();
    const stopListening = this.onNewer((secret) => {
      if (secret.sequence > sequence) found.abort();
    });
    await this.#clock.sleep(withinMs, AbortSignal.any([found.signal, this.#ended.signal])).catch(() => undefined);
    stopListening();
    return this.#current !== null && this.#current.sequence > sequence ? this.#current : null;
  }

  /** Called with every newer value, after it became the current one. */
  onNewer(listener: (secret: ReadSecret) => void): () => void {
    this.#newerListeners.add(listener);
    return () => this.#newerListeners.delete(listener);
  }

  /** No use begins any more; once those under way are over, the vault is told that this reader holds nothing. */
  async end(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#unsubscribe();
    this.#ended.abort();
    // A read that is still served after the word to the vault would be a hold that nobody ends.
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
    if (!(await this.#idleWithin(endGraceMs)) || !this.#named) return;
    await this.#calls.endInstance(this.#options.name.instance).catch(() => undefined);
  }

  async #ensureFresh(): Promise<void> {
    if (this.#ended.signal.aborted) throw new ConfigurationError('this reader has been ended');
    const { cacheMs } = this.#options;
    if (this.#current !== null && (cacheMs === undefined || this.#clock.monotonic() - this.#readAt < cacheMs)) return;
    try {
      await (cacheMs === 0 ? this.refresh() : this.#sharedRefresh());
    } catch (error) {
      // A vault that is down must not take the application with it: what was last known still logs in.
      if (this.#current === null || !isOutage(error)) throw error;
    }
  }

  #sharedRefresh(): Promise<ReadSecret> {
    this.#refreshing ??= this.refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  #accept(answer: SecretAnswer, started: number): ReadSecret {
    const current = this.#current;
    const sequence = answer.version ?? localSequence(answer, started, current, this.#newestReadStarted);
    if (current !== null && sequence < current.sequence) return current;
    this.#newestReadStarted = Math.max(this.#newestReadStarted, started);
    this.#readAt = this.#clock.monotonic();
    if (current !== null && sequence === current.sequence) return current;
    const { secretId } = this.#options;
    const secret: ReadSecret = { secretId, sequence, value: answer.value, fields: () => requiredFieldsOf(secretId, answer.value) };
    this.#current = secret;
    this.#named = answer.version !== null;
    if (current === null) this.#lost = false;
    else for (const listener of [...this.#newerListeners]) listener(secret);
    this.#settle();
    this.#followAnnounced();
    return secret;
  }

  #learn(fact: FeedFact): void {
    switch (fact.kind) {
      case 'version':
        this.#announced = Math.max(this.#announced, fact.version ?? (this.#current?.sequence ?? firstLocalSequence) + 1);
        this.#lookNow.abort();
        this.#followAnnounced();
        return;
      case 'granted':
        this.#lookNow.abort();
        this.#startFollowing();
        return;
      case 'deleted':
      case 'denied':
        this.#lost = true;
        this.#startFollowing();
        return;
      case 'failed':
        return;
      default:
        fact satisfies never;
    }
  }

  #followAnnounced(): void {
    if (this.#current !== null && this.#announced > this.#current.sequence) this.#startFollowing();
  }

  /** Before the first read there is nothing to follow; its answer leads here too. */
  #startFollowing(): void {
    if (this.#current === null || this.#following || this.#ended.signal.aborted) return;
    this.#track(this.#follow());
  }

  /** Reads until what was announced is here; while access is lost it looks about every minute whether it is back. */
  async #follow(): Promise<void> {
    this.#following = true;
    try {
      for (let failures = 0; !this.#ended.signal.aborted; failures += 1) {
        if (this.#lost && !(await this.#isBackAfterPause())) continue;
        try {
          const secret = await this.refresh();
          if (!this.#named) this.#announced = secret.sequence;
          if (secret.sequence >= this.#announced) return this.#settle();
        } catch (error) {
          this.#lost ||= isLost(error);
        }
        if (!this.#lost) await this.#pause(failures);
      }
    } finally {
      this.#following = false;
    }
  }

  /** Asks by a poll, which serves nothing and so leaves no hold. Changes of the meantime were told to nobody. */
  async #isBackAfterPause(): Promise<boolean> {
    this.#lookNow = new AbortController();
    const wake = AbortSignal.any([this.#ended.signal, this.#lookNow.signal]);
    await this.#clock.sleep(jitterAround(lookAgainAfterMs, 0.2, this.#random), wake).catch(() => undefined);
    if (this.#ended.signal.aborted) return false;
    const [polled] = await this.#calls.poll([this.#options.secretId]).catch(() => []);
    this.#lost = polled?.status !== 'unchanged' && polled?.status !== 'changed';
    return !this.#lost;
  }

  #endUse(sequence: number): void {
    const left = (this.#uses.get(sequence) ?? 1) - 1;
    if (left > 0) this.#uses.set(sequence, left);
    else this.#uses.delete(sequence);
    if (this.#uses.size === 0) this.#whenIdle?.();
    this.#settle();
  }

  #settle(): void {
    const current = this.#current;
    if (current === null || !this.#named || current.sequence <= this.#acknowledged || this.#acknowledging) return;
    if (this.#ended.signal.aborted || [...this.#uses.keys()].some((sequence) => sequence < current.sequence)) return;
    this.#track(this.#acknowledge());
  }

  async #acknowledge(): Promise<void> {
    this.#acknowledging = true;
    try {
      for (let failures = 0; !this.#ended.signal.aborted; failures += 1) {
        // What was true of this version stays true: later uses have the same or a newer one.
        const version = this.#current?.sequence ?? 0;
        const older = [...this.#uses.keys()].some((sequence) => sequence < version);
        if (version <= this.#acknowledged || older) return;
        try {
          await this.#calls.acknowledge(this.#options.secretId, this.#options.name, version);
          this.#acknowledged = version;
        } catch (error) {
          if (isLost(error)) return;
          await this.#pause(failures);
        }
      }
    } finally {
      this.#acknowledging = false;
    }
  }

  #pause(failures: number): Promise<void> {
    const ms = fullJitter(backoffAfter(failures + 1, pauses), this.#random);
    return this.#clock.sleep(ms, this.#ended.signal).catch(() => undefined);
  }

  /** What `end` waits for. Failures are the caller's to see; here only the end counts. */
  #track(work: Promise<unknown>): void {
    const running: Promise<void> = work
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        this.#background.delete(running);
      });
    this.#background.add(running);
  }

  async #idleWithin(ms: number): Promise<boolean> {
    if (this.#uses.size === 0) return true;
    const idle = new AbortController();
    this.#whenIdle = () => idle.abort();
    await this.#clock.sleep(ms, idle.signal).catch(() => undefined);
    return this.#uses.size === 0;
  }
}

/** Without versions the order in which reads began decides; another value is a newer one. */
function localSequence(answer: SecretAnswer, started: number, current: ReadSecret | null, newestReadStarted: number): number {
  if (current === null) return firstLocalSequence;
  if (started < newestReadStarted || answer.value === current.value) return current.sequence;
  return current.sequence + 1;
}
