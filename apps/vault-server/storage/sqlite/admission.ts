/** Lets a proven caller in, inside the operation's transaction: identity, then nonce, then state (DESIGN §4, in this order). */
import { clockWindowSeconds, nonceRetentionSeconds } from '@sikkerkey/protocol/signing.ts';
import type { BareReason, MachineCaller, MachineState, NonceUse, OperatorCaller, Refused } from '../records.ts';
import type { TimeSpan } from '../tick-operations.ts';
import type { Database } from './database.ts';
import type { NonceRegister } from './nonce-register.ts';

/** How stale `last_seen_at`, and what stands beside it, may be: not every read is to cost a write. */
export const lastSeenPrecisionMs = 60_000;

const windowMs = clockWindowSeconds * 1000;
const retentionMs = nonceRetentionSeconds * 1000;

export function refuse(reason: BareReason): Refused {
  return { kind: 'refused', reason };
}

export function done<Value>(value: Value): { readonly kind: 'done'; readonly value: Value } {
  return { kind: 'done', value };
}

/** What a machine is judged by. */
export interface SeenMachine {
  readonly state: MachineState;
  readonly lastSeenAt: number | null;
  /** The latest time at which the machine signed, by its own clock, what it was seen by. */
  readonly seenSignedAt: number | null;
}

/** That a machine was heard. Its signing clock may have jumped within the window: the latest of its times stands. */
interface Seen {
  readonly id: string;
  readonly now: number;
  readonly signedAt: number;
  readonly windowMs: number;
}

interface SeenOperator {
  readonly isEnabled: 0 | 1;
  readonly lastSeenAt: number | null;
}

export class Admission {
  readonly #machine;
  readonly #operator;
  readonly #nonces: NonceRegister;
  readonly #machineSeen;
  readonly #operatorSeen;

  constructor(db: Database, nonces: NonceRegister) {
    this.#machine = db.prepare<[string], SeenMachine>(
      'SELECT state, last_seen_at AS lastSeenAt, seen_signed_at AS seenSignedAt FROM machines WHERE machine_id = ?',
    );
    this.#operator = db.prepare<[string], SeenOperator>(
      'SELECT disabled_at IS NULL AS isEnabled, last_seen_at AS lastSeenAt FROM operators WHERE operator_id = ?',
    );
    this.#nonces = nonces;
    this.#machineSeen = db.prepare<Seen>(
      `UPDATE machines SET last_seen_at = @now,
         seen_signed_at = iif(seen_signed_at > @signedAt AND seen_signed_at <= @now + @windowMs, seen_signed_at, @signedAt)
       WHERE machine_id = @id`,
    );
    this.#operatorSeen = db.prepare<[number, string]>('UPDATE operators SET last_seen_at = ? WHERE operator_id = ?');
  }

  /** Null lets in. */
  machine(caller: MachineCaller): Refused | null {
    return this.machineAsFound(caller, this.#machine.get(caller.id));
  }

  /** The same for an operation that read the caller's row together with its own; undefined: there is none. */
  machineAsFound(caller: MachineCaller, found: SeenMachine | undefined): Refused | null {
    if (found === undefined) return refuse('unknown-caller');
    const replayed = this.#enter(caller, found);
    if (replayed !== null) return replayed;
    return found.state === 'approved' ? null : refuse(`machine-${found.state}`);
  }

  machineInAnyState(caller: MachineCaller): Refused | { readonly state: MachineState } {
    const found = this.#machine.get(caller.id);
    if (found === undefined) return refuse('unknown-caller');
    return this.#enter(caller, found) ?? found;
  }

  /** Records the nonce, and that the machine was here. */
  #enter(caller: MachineCaller, found: SeenMachine): Refused | null {
    const use = this.nonceOf(caller);
    if (use !== 'fresh') return refuse(use);
    const { now, signedAt } = caller;
    // The signing clock may jump within the window: what it signs then is not to pass as new when somebody sends it again later.
    const isAhead = signedAt > (found.seenSignedAt ?? signedAt) + lastSeenPrecisionMs;
    if (isAhead || isStale(found.lastSeenAt, now)) this.#machineSeen.run({ id: caller.id, now, signedAt, windowMs });
    return null;
  }

  operator(caller: OperatorCaller): Refused | null {
    const found = this.#operator.get(caller.id);
    if (found === undefined) return refuse('unknown-caller');
    const use = this.nonceOf(caller);
    if (use !== 'fresh') return refuse(use);
    if (isStale(found.lastSeenAt, caller.now)) this.#operatorSeen.run(caller.now, caller.id);
    return found.isEnabled === 1 ? null : refuse('operator-disabled');
  }

  either(caller: MachineCaller | OperatorCaller): Refused | null {
    return caller.kind === 'machine' ? this.machine(caller) : this.operator(caller);
  }

  /**
   * Records the nonce. The classes of identities are disjoint spaces. A request could have been accepted within the clock
   * window around its own time; where a nonce of then may be forgotten (the clock went back), it is not accepted unknown.
   * Where that holds of the vault's own time, no client can help it: all are refused, also those whose clocks differ.
   */
  nonceOf(caller: MachineCaller | OperatorCaller): NonceUse {
    const { signedAt, now } = caller;
    if (isForgottenTime(this.#nonces, now)) return 'time-forgotten';
    if (isForgottenTime(this.#nonces, signedAt)) return 'nonce-forgotten';
    return this.#nonces.use(`${caller.kind}:${caller.id}`, caller.nonce, now + retentionMs) ? 'fresh' : 'replay';
  }
}

/** Whether a request signed at this time is refused, since what was used then may be forgotten. */
export function isForgottenTime(nonces: NonceRegister, signedAt: number): boolean {
  return nonces.hasForgotten(signedAt - windowMs + retentionMs, signedAt + windowMs + retentionMs);
}

/**
 * Whether some request that is in time may be refused for that: one signed at the far end of the window, by a clock that differs.
 * Nobody knows who could not be heard then.
 */
export function mayRefuse(nonces: NonceRegister, now: number): boolean {
  return nonces.hasForgotten(now - 2 * windowMs + retentionMs, now + 2 * windowMs + retentionMs);
}

function isStale(lastSeenAt: number | null, now: number): boolean {
  return lastSeenAt === null || Math.abs(now - lastSeenAt) > lastSeenPrecisionMs;
}

/** The next time from now on in which every request signed at its time will be refused for that; what is refused now is not meant. */
export function refusedNext(nonces: NonceRegister, now: number): TimeSpan | null {
  const free = refusedUntil(nonces, now) ?? now;
  const forgottenFrom = nonces.nextForgotten(free + windowMs + retentionMs);
  if (forgottenFrom === null) return null;
  const from = forgottenFrom - windowMs - retentionMs;
  return { from, until: refusedUntil(nonces, from) ?? from };
}

/** Until when every request signed at its time is refused for that; null where it is not. */
export function refusedUntil(nonces: NonceRegister, now: number): number | null {
  if (!isForgottenTime(nonces, now)) return null;
  return nonces.rememberedFrom(now - windowMs + retentionMs, 2 * windowMs) + windowMs - retentionMs;
}
