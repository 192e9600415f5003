/**
 * The vault's clock as far as its `Date` headers tell it, so that a local clock which is wrong by years costs one extra
 * request. `Date` has whole seconds: differences below two of them are noise and keep the last estimate.
 */
import type { Clock } from '../clock.ts';
import type { AnswerHeaders } from './transport.ts';

const noiseMs = 2000;

export class ServerTime {
  readonly #clock: Clock;
  #skewMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Vault clock minus ours; null before the first answer. */
  get skewMs(): number | null {
    return this.#skewMs;
  }

  /** Whole Unix seconds by the vault's clock, as a request is stamped. */
  timestamp(): string {
    return String(Math.floor((this.#clock.now() + (this.#skewMs ?? 0)) / 1000));
  }

  /** Learns from one answer; true when the estimate moved by more than `significantMs`. */
  learn(headers: AnswerHeaders, roundTripMs: number, significantMs: number): boolean {
    const date = headers['date'] === undefined ? Number.NaN : Date.parse(headers['date']);
    if (Number.isNaN(date)) return false;
    const observed = date + 500 + roundTripMs / 2 - this.#clock.now();
    const before = this.#skewMs ?? 0;
    if (this.#skewMs === null || Math.abs(observed - before) > noiseMs) {
      this.#skewMs = Math.abs(observed) > noiseMs ? observed : 0;
    }
    return Math.abs(this.#skewMs - before) > significantMs;
  }
}
