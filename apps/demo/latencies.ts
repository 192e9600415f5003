/** Durations counted in tenths of a millisecond: any percentile at any time, in constant memory. */

const bucketsPerMs = 10;
const longestMs = 10_000;

export class Latencies {
  readonly #buckets = new Uint32Array(longestMs * bucketsPerMs + 1);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(milliseconds: number): void {
    const bucket = Math.min(this.#buckets.length - 1, Math.max(0, Math.round(milliseconds * bucketsPerMs)));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The duration that this share (0 to 1) of all does not exceed; null when nothing was counted. */
  percentile(share: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let passed = 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      passed += count;
      if (passed >= rank) return bucket / bucketsPerMs;
    }
    return longestMs;
  }
}

/** The same of a handful of values. */
export function percentileOf(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
