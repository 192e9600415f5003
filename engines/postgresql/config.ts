/** What the PostgreSQL engine is told about one managed secret's database, and the names that follow from it. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import type { SecretText } from '@sikkerkey/core/secret-text.ts';

export type TlsMode = 'verify-full' | 'verify-ca' | 'require' | 'disable';

export interface TlsSettings {
  readonly mode: TlsMode;
  /** Certificates of the accepted authorities, PEM. Without it, those of the system. */
  readonly ca?: string;
}

/** A server or pooler that applications log in to, beside the one that is administered. */
export interface DatabaseNode {
  readonly host: string;
  readonly port: number;
}

export interface PostgresqlEngineConfig {
  readonly secretId: string;
  /** The primary, directly: never a pooler, since the fence lives in one session. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly adminUser: string;
  readonly adminPassword: SecretText;
  readonly tls: TlsSettings;
  /** The login role that owns the objects; with `flip` its two login slots are `<owner>_a` and `<owner>_b`. */
  readonly owner: string;
  readonly strategy: 'flip' | 'single';
  /** What the application must be able to do; run in a read-only transaction. */
  readonly probeQuery?: string;
  /** Replicas and poolers where the new credential must work as well. */
  readonly nodes?: readonly DatabaseNode[];
  /** What a person has seen that pg_hba.conf says of the login slots, and wants so. By default nothing. */
  readonly acceptedHba?: AcceptedHba;
}

/** The marks of inspections; `all` for the plan of work that a person gives this word with. */
export type AcceptedHba = 'all' | readonly string[];

export interface EngineDependencies {
  readonly clock: Clock;
  readonly random: Random;
}

/** Longest role name that PostgreSQL keeps whole, in bytes (NAMEDATALEN - 1). */
export const maxRoleNameBytes = 63;

/** The role that carries a slot's credential. */
export function roleOfSlot(owner: string, slot: Slot): string {
  return slot === 'owner' ? owner : `${owner}_${slot}`;
}

/** The logins that belong to the secret under this strategy. */
export function slotsOf(strategy: PostgresqlEngineConfig['strategy']): readonly Slot[] {
  return strategy === 'flip' ? ['owner', 'a', 'b'] : ['owner'];
}

/** The slot that the next rotation fills. */
export function nextSlot(strategy: PostgresqlEngineConfig['strategy'], live: Slot): Slot {
  if (strategy === 'single') return 'owner';
  return live === 'a' ? 'b' : 'a';
}
