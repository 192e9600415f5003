/** Lets a proven caller in, inside the operation's transaction: identity, then nonce, then state (DESIGN §4, in this order). */
import { nonceRetentionSeconds } from '@sikkerkey/protocol/signing.ts';
import type { MachineCaller, MachineState, OperatorCaller, RefusalReason, Refused } from '../records.ts';
import type { Database } from './database.ts';
import type { NonceRegister } from './nonce-register.ts';

/** How stale `last_seen_at` may be: not every read is to cost a write. */
const lastSeenPrecisionMs = 60_000;

export function refuse(reason: Exclude<RefusalReason, 'waiting-for-drain'>): Refused {
  return { kind: 'refused', reason };
}

export function done<Value>(value: Value): { readonly kind: 'done'; readonly value: Value } {
  return { kind: 'done', value };
}

/** What a machine is judged by. */
export interface SeenMachine {
  readonly state: MachineState;
  readonly lastSeenAt: number | null;
}

export class Admission {
  readonly #machine;
  readonly #operator;
  readonly #nonces: NonceRegister;
  readonly #seen;

  constructor(db: Database, nonces: NonceRegister) {
    this.#machine = db.prepare<[string], SeenMachine>('SELECT state, last_seen_at AS lastSeenAt FROM machines WHERE machine_id = ?');
    this.#operator = db.prepare<[string], number>('SELECT 1 FROM operators WHERE operator_id = ?').pluck();
    this.#nonces = nonces;
    this.#seen = db.prepare<[number, string]>('UPDATE machines SET last_seen_at = ? WHERE machine_id = ?');
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
    if (!this.isFresh(caller)) return refuse('replay');
    if (found.lastSeenAt === null || found.lastSeenAt < caller.now - lastSeenPrecisionMs) this.#seen.run(caller.now, caller.id);
    return null;
  }

  operator(caller: OperatorCaller): Refused | null {
    if (this.#operator.get(caller.id) === undefined) return refuse('unknown-caller');
    return this.isFresh(caller) ? null : refuse('replay');
  }

  either(caller: MachineCaller | OperatorCaller): Refused | null {
    return caller.kind === 'machine' ? this.machine(caller) : this.operator(caller);
  }

  /** Records the nonce; false when this identity has used it before. The classes of identities are disjoint spaces. */
  isFresh(caller: MachineCaller | OperatorCaller): boolean {
    const expiresAt = caller.now + nonceRetentionSeconds * 1000;
    return this.#nonces.use(`${caller.kind}:${caller.id}`, caller.nonce, expiresAt);
  }
}
