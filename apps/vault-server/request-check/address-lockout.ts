/**
 * Refuses addresses that failed to authenticate too often. The counters are in the store, so that all nodes and a
 * restarted one agree; an address that the store called free is not asked about again for a second.
 */
import { isIPv6 } from 'node:net';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultParts } from '../vault-parts.ts';

type Parts = Pick<VaultParts, 'storage' | 'clock' | 'log' | 'settings'>;

const freeForMs = 1_000;
const addressesKept = 10_000;

export class AddressLockout {
  readonly #parts: Parts;
  /** When each address was last found free, by the monotonic clock. */
  readonly #free = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The refusal of an address that is locked, to be thrown; null while it is free. */
  async refusalOf(address: string): Promise<CatalogueError | null> {
    const { storage, clock } = this.#parts;
    if (this.#isExempt(address)) return null;
    const asked = this.#free.get(address);
    if (asked !== undefined && clock.monotonic() - asked < freeForMs) return null;
    const now = clock.now();
    const until = await storage.addressLock({ address, now });
    if (until !== null) return lockedOut(until - now);
    if (this.#free.size >= addressesKept) this.#free.clear();
    this.#free.set(address, clock.monotonic());
    return null;
  }

  /** Counts one failed authentication. */
  async recordFailure(address: string): Promise<void> {
    const { storage, clock, log, settings } = this.#parts;
    if (this.#isExempt(address)) return;
    const { failures: limit, windowMs, lockMs } = settings.lockout;
    const until = await storage.recordFailedAuthentication({ address, now: clock.now(), limit, windowMs, lockMs });
    if (until === null) return;
    this.#free.delete(address);
    log.write('warn', 'address.locked-out', { address });
  }

  #isExempt(address: string): boolean {
    return !this.#parts.settings.lockout.loopback && (address === '::1' || address.startsWith('127.'));
  }
}

/** One spelling of a peer's address; of an IPv6 address its /64, since one host commands all of that. */
export function lockoutAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return 'unknown';
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined) return mapped;
  const bare = remoteAddress.replace(/%.*$/, '');
  return isIPv6(bare) && bare !== '::1' ? prefixOf(bare) : bare;
}

/** The first four groups of an IPv6 address. */
function prefixOf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}

function lockedOut(remainingMs: number): CatalogueError {
  return new CatalogueError('address-locked-out', { seconds: Math.max(1, Math.ceil(remainingMs / 1000)) });
}
