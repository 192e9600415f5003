/** What the routes, the streams and the scheduler of one vault process work with; connected once in `program/serve.ts`. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { EventHub } from './events/event-hub.ts';
import type { VaultLog } from './log.ts';
import type { Keyring } from './sealing/keyring.ts';
import type { Storage } from './storage/storage.ts';

export interface VaultSettings {
  readonly vaultId: string;
  /** Origin without a trailing slash; what enrolled machines are told. */
  readonly apiUrl: string;
  readonly lockout: LockoutSettings;
}

export interface LockoutSettings {
  /** Failed authentications within the window that lock an address out. */
  readonly failures: number;
  readonly windowMs: number;
  readonly lockMs: number;
  /** Whether addresses of this host can be locked out too. */
  readonly loopback: boolean;
}

export interface VaultParts {
  readonly storage: Storage;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: VaultLog;
  readonly hub: EventHub;
  readonly settings: VaultSettings;
}
