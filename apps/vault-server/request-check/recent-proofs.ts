/**
 * Who proved itself lately, and may be verified at which address. While an address is locked out, these still are: behind
 * one address there may be many hosts, and one that is wrong is not to stop those that are right, nor one that has just
 * moved there. Whom this process has not heard there, the store may know: it keeps when each machine and operator was seen
 * last, and what it says is recalled here.
 *
 * Verifying costs the vault something, so failures under an identity are bounded for each address: whoever knows an
 * identity can make that one wait at his own address, and nowhere else. That its answer takes longer than a stranger's tells him
 * only what he had to know: ids are random, and too long to be guessed.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';

const rememberedMs = 12 * 3_600_000;
const proofsKept = 10_000;
/** Seen this far ahead of now, it was seen by a clock that was put back since. */
const clockSlackMs = 10_000;
/** A proof is written down again only when it is this old: most requests then cost a look-up and nothing more. */
const precisionMs = 60_000;
/** Failures under one identity of a locked address that are verified at once, and each second after that. */
const failuresAtOnce = 50;
const failuresPerSecond = 50;

interface Proof {
  readonly provenAt: number;
  /** Failures that will still be verified, as of `countedAt`. */
  left: number;
  countedAt: number;
}

export class RecentProofs {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #proofs = new Map<string, Proof>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Call with each signature that held. `identity` names its class too. */
  proven(address: string, identity: string): void {
    const now = this.#clock.monotonic();
    const known = this.#proofs.get(nameOf(address, identity));
    if (known !== undefined && now - known.provenAt < precisionMs) return;
    this.#keep(nameOf(address, identity), { provenAt: now, left: known?.left ?? failuresAtOnce, countedAt: known?.countedAt ?? now });
  }

  /** Whether this process has heard of this name within hours; else the store may have. */
  knows(address: string, identity: string): boolean {
    const proof = this.#proofs.get(nameOf(address, identity));
    return proof !== undefined && this.#clock.monotonic() - proof.provenAt < rememberedMs;
  }

  /** What the store knows of a name that is not known here: it proved itself `agoMs` ago by the wall clock, at this address or another. */
  recall(address: string, identity: string, agoMs: number): void {
    if (agoMs < -clockSlackMs || agoMs >= rememberedMs || this.knows(address, identity)) return;
    const now = this.#clock.monotonic();
    this.#keep(nameOf(address, identity), { provenAt: now - Math.max(0, agoMs), left: failuresAtOnce, countedAt: now });
  }

  #keep(name: string, proof: Proof): void {
    // Put in again, so that those longest unheard of are the first in the map, and the first to go.
    this.#proofs.delete(name);
    const [oldest] = this.#proofs.size < proofsKept ? [] : this.#proofs.keys();
    if (oldest !== undefined) this.#proofs.delete(oldest);
    this.#proofs.set(name, proof);
  }

  /** Whether a request in this name is verified although the address is locked. */
  admits(address: string, identity: string): boolean {
    const proof = this.#proofs.get(nameOf(address, identity));
    if (proof === undefined) return false;
    const now = this.#clock.monotonic();
    if (now - proof.provenAt >= rememberedMs) return false;
    proof.left = Math.min(failuresAtOnce, proof.left + ((now - proof.countedAt) / 1000) * failuresPerSecond);
    proof.countedAt = now;
    return proof.left >= 1;
  }

  /** Call with each signature that was verified in spite of the lock, and did not hold. */
  failed(address: string, identity: string): void {
    const proof = this.#proofs.get(nameOf(address, identity));
    if (proof !== undefined) proof.left -= 1;
  }
}

/** Neither an address nor an identity has a blank. */
const nameOf = (address: string, identity: string): string => `${address} ${identity}`;
