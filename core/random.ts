/** Randomness is passed in like the clock: `host/system-random.ts` is cryptographic, tests may seed. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1): for jitter, never for secrets. */
  fraction(): number;
}
