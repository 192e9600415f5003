/** How an operation of the store ends: done with a value, or refused for a reason that changed nothing. */

/** Why an operation changed nothing. The HTTP layer maps each to a status and a catalogue code. */
export type RefusalReason =
  /** 401: this nonce was used before by this identity. */
  | 'replay'
  /** 503: the vault's clock went back to a time whose nonces it has forgotten; until it has passed, no request is believed. */
  | 'time-forgotten'
  /** 401: the same, but of the time that the request carries alone: signed at the vault's time it is believed. */
  | 'nonce-forgotten'
  /** 401: no such identity (any more). */
  | 'unknown-caller'
  /** 403: the machine is not approved yet, was denied, or is disabled. */
  | 'machine-pending'
  | 'machine-denied'
  | 'machine-disabled'
  /** 403: the operator is disabled. */
  | 'operator-disabled'
  /** 409: the only operator who is enabled. */
  | 'last-operator'
  /** 403: inside a project of the machine, without the permission. */
  | 'no-grant'
  /** 404: no such thing, or outside the machine's projects. */
  | 'not-found'
  /** 409: the value of a managed secret is changed by rotation only. */
  | 'managed-secret'
  /** 409: not a managed secret. */
  | 'not-managed'
  /** 409: the name is taken in this project. */
  | 'name-taken'
  /** 409: the machine is not a member of the secret's project. */
  | 'not-a-member'
  /** 409: the fingerprint given is not the machine's. */
  | 'fingerprint-mismatch'
  /** 409: adopted before. */
  | 'already-adopted'
  /** 409: nothing to un-adopt, or nobody took it on. */
  | 'not-adopted'
  /** 409: the published agent that serves this login has not asked for a while. */
  | 'published-agent-silent'
  /** 409: the owner named is not the login that the live version carries. */
  | 'owner-mismatch'
  /** 409: something is pending, draining or claimed (rotation-protocol.md rule 8). */
  | 'waiting-for-drain'
  /** 409: no version is draining. */
  | 'nothing-draining'
  /** 409: this rotation belongs to a /v2 claim or this secret to slots; published agents cannot serve it. */
  | 'served-by-daemon'
  /** 409: the id names no rotation that a published agent may end this way (unknown, or over the other way). */
  | 'rotation-over'
  /** 401: enrollment token unknown, used or expired. */
  | 'token-invalid'
  /** 409: the version named has no value to go back to. */
  | 'version-unavailable';

/** Something of the secret is pending, draining or claimed. Times by the vault's clock; null where nothing drains. */
export interface InFlight {
  readonly secretId: string;
  readonly holdOutCount: number;
  readonly drainDeadlineAt: number | null;
}

/** `forgotten`: of the vault's time, or of the request's, it remembers no nonces any more, so a replay could not be told. */
export type NonceUse = 'fresh' | 'replay' | 'time-forgotten' | 'nonce-forgotten';

/** What no fact of the case has to come with. */
export type BareReason = Exclude<RefusalReason, 'waiting-for-drain' | 'not-a-member' | 'published-agent-silent'>;

export type Refused =
  | { readonly kind: 'refused'; readonly reason: BareReason }
  /** `projectId`: the project that the machine would have to be a member of. */
  | { readonly kind: 'refused'; readonly reason: 'not-a-member'; readonly projectId: string }
  /** `machineId`: whose agent; heard last at `seenAt`, by the vault's clock. */
  | { readonly kind: 'refused'; readonly reason: 'published-agent-silent'; readonly machineId: string; readonly seenAt: number }
  | { readonly kind: 'refused'; readonly reason: 'waiting-for-drain'; readonly inFlight: InFlight };

export type Outcome<Value> = { readonly kind: 'done'; readonly value: Value } | Refused;
