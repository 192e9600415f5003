/**
 * The vault's side of a rotation as pure decisions: the store loads the state of one managed secret, asks here, and
 * writes what follows, all in one transaction. Source: rotation-protocol.md rules 2, 3, 8; model/model.py (vault part).
 */
import type { ManagedStrategy, Slot, VersionInSlot } from '../storage/records.ts';

/** Milliseconds that a claim lives without being renewed. */
export const claimLeaseMs = 30_000;
/** While its version drains, a claim is renewed by its daemon's heartbeat, which comes every 30 s: three may be lost. */
export const drainLeaseMs = 90_000;
/** A lease that ends later than this from now was written by a clock that was put back since. 10 s: callers' times overlap. */
export const longestLeaseMs = drainLeaseMs + 10_000;
/** A published agent asks every 5–10 s; silent for longer, it no longer stands in the way of a claim. */
export const publishedLeaseMs = 60_000;
/** Seen within this time, a published agent serves its login. A look of longer ago says nothing: it may have been the only one. */
export const publishedPresenceMs = 15 * 60_000;
/** Seen this far ahead of now, it was seen by a clock that was put back since. */
const clockSlackMs = 10_000;

export type RotationPurpose = 'rotate' | 'adopt' | 'unadopt';

export interface ActiveRotation {
  readonly rotationId: string;
  readonly purpose: RotationPurpose;
  readonly state: 'pending' | 'promoted';
  readonly version: number;
  readonly slot: Slot;
  /** Draining; null while pending. */
  readonly previous: VersionInSlot | null;
  /** Ever claimed under /v2: never again offered to, nor confirmed by, a published agent. */
  readonly everClaimed: boolean;
  /** When a published agent was first offered it; null when never. */
  readonly publishedAt: number | null;
  /** Vault age (vault-age.ts) at which the drain ends, whoever still holds on; null while nothing drains. */
  readonly drainEndsAtAge: number | null;
  /** The operator's emergency exit was used. */
  readonly retireNow: boolean;
}

export interface WaitingRotation {
  readonly rotationId: string;
  readonly purpose: RotationPurpose;
}

export interface Claim {
  readonly machineId: string;
  readonly daemonId: string;
  readonly expiresAt: number;
}

export interface PublishedAgent {
  readonly machineId: string;
  readonly seenAt: number;
}

/** All that decides about one managed secret. */
export interface ManagedState {
  readonly secretId: string;
  readonly strategy: ManagedStrategy;
  readonly owner: string;
  readonly adopted: boolean;
  readonly live: VersionInSlot;
  /** Highest version number ever allotted. */
  readonly lastVersion: number;
  /** Of the newest claim; rises for ever (rule 2). 0: never claimed. */
  readonly epoch: number;
  readonly claim: Claim | null;
  readonly active: ActiveRotation | null;
  readonly waiting: WaitingRotation | null;
  readonly published: PublishedAgent | null;
}

/** Login name of a slot: `owner`, `<owner>_a`, `<owner>_b`. */
export function loginOf(owner: string, slot: Slot): string {
  return slot === 'owner' ? owner : `${owner}_${slot}`;
}

/** Where the next version goes: in place for `single`, back to the owner for un-adoption, else the login that is idle. */
export function nextSlot(strategy: ManagedStrategy, live: Slot, purpose: RotationPurpose): Slot {
  if (strategy === 'single' || purpose === 'unadopt') return 'owner';
  return live === 'a' ? 'b' : 'a';
}

export type RequestDecision =
  | { readonly kind: 'same'; readonly rotationId: string; readonly state: 'pending' | 'waiting-for-drain' }
  | { readonly kind: 'offer' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly reason: 'not-adopted' }
  /** A published agent takes it on again as soon as it asks; to adopt the login would take it from that agent. */
  | { readonly kind: 'refuse'; readonly reason: 'published-agent-silent'; readonly published: PublishedAgent };

/**
 * One pending rotation at most; while one drains, at most one waits. Behind an un-adoption none waits: it would change
 * the owner's password in place, unasked; the un-adoption itself has just changed it. A login that nobody took on is
 * refused for the same reason: what applications carry in their own settings would stop working at once.
 */
export function decideRequest(state: ManagedState, now: number): RequestDecision {
  if (state.active?.state === 'pending') return { kind: 'same', rotationId: state.active.rotationId, state: 'pending' };
  if (state.active?.purpose === 'unadopt') return { kind: 'same', rotationId: state.active.rotationId, state: 'waiting-for-drain' };
  if (state.waiting !== null) return { kind: 'same', rotationId: state.waiting.rotationId, state: 'waiting-for-drain' };
  if (!isTakenOn(state, now)) {
    const { published } = state;
    return published === null ? { kind: 'refuse', reason: 'not-adopted' } : { kind: 'refuse', reason: 'published-agent-silent', published };
  }
  return state.active === null ? { kind: 'offer' } : { kind: 'wait' };
}

export function isClaimHeld(state: ManagedState, now: number): boolean {
  return state.claim !== null && state.claim.expiresAt > now && state.claim.expiresAt <= now + longestLeaseMs;
}

/** For how long a claim given or renewed now lives. */
export function leaseOf(phase: 'pending' | 'promoted' | 'steady'): number {
  return phase === 'promoted' ? drainLeaseMs : claimLeaseMs;
}

export type AdoptDecision =
  | { readonly kind: 'adopt' }
  | { readonly kind: 'same'; readonly rotationId: string }
  | { readonly kind: 'refuse'; readonly reason: 'already-adopted' | 'owner-mismatch' | 'waiting-for-drain' };

/** The same adoption asked for again while its first rotation is under way is answered with that rotation. */
export function decideAdopt(state: ManagedState, strategy: ManagedStrategy, owner: string, now: number): AdoptDecision {
  if (owner !== state.owner) return { kind: 'refuse', reason: 'owner-mismatch' };
  if (state.adopted) {
    const again = state.active?.purpose === 'adopt' && state.strategy === strategy;
    return again ? { kind: 'same', rotationId: state.active.rotationId } : { kind: 'refuse', reason: 'already-adopted' };
  }
  return isBusy(state, now) ? { kind: 'refuse', reason: 'waiting-for-drain' } : { kind: 'adopt' };
}

export type UnadoptDecision =
  | { readonly kind: 'unadopt' }
  | { readonly kind: 'same'; readonly rotationId: string }
  | { readonly kind: 'refuse'; readonly reason: 'not-adopted' | 'waiting-for-drain' };

/** Rule 8: refused unless nothing is pending, draining or claimed. Asked again, the same un-adoption answers. */
export function decideUnadopt(state: ManagedState, now: number): UnadoptDecision {
  if (!state.adopted) return { kind: 'refuse', reason: 'not-adopted' };
  if (state.active?.purpose === 'unadopt') return { kind: 'same', rotationId: state.active.rotationId };
  return isBusy(state, now) ? { kind: 'refuse', reason: 'waiting-for-drain' } : { kind: 'unadopt' };
}

/** Something is pending, draining, waiting or claimed. */
export function isBusy(state: ManagedState, now: number): boolean {
  return state.active !== null || state.waiting !== null || isClaimHeld(state, now);
}

export type ClaimDecision =
  | { readonly kind: 'claim'; readonly epoch: number; readonly phase: 'pending' | 'promoted' | 'steady' }
  | { readonly kind: 'nothing' }
  /** The claimant was granted a newer epoch than the newest: this vault was restored from a backup. */
  | { readonly kind: 'behind' }
  | { readonly kind: 'held'; readonly retryInMs: number };

/**
 * A claim by the daemon that holds it already begins anew, with a new epoch: that is a restart. While a published agent
 * works on the pending value, no daemon gets it. `aboveEpoch`: what a person found in the database.
 */
export function decideClaim(
  state: ManagedState,
  claimant: { readonly machineId: string; readonly daemonId: string },
  purpose: 'work' | 'repair',
  now: number,
  { aboveEpoch, knownEpoch = 0 }: { readonly aboveEpoch?: number | undefined; readonly knownEpoch?: number | undefined } = {},
): ClaimDecision {
  if (aboveEpoch === undefined && knownEpoch > state.epoch) return { kind: 'behind' };
  if (purpose === 'work' && state.active === null) return { kind: 'nothing' };
  const { claim } = state;
  const own = claim?.machineId === claimant.machineId && claim.daemonId === claimant.daemonId;
  if (claim !== null && !own && isClaimHeld(state, now)) return { kind: 'held', retryInMs: claim.expiresAt - now };
  const publishedUntil = publishedWorkEndsAt(state, now);
  if (publishedUntil > now) return { kind: 'held', retryInMs: publishedUntil - now };
  return { kind: 'claim', epoch: Math.max(state.epoch, aboveEpoch ?? 0) + 1, phase: state.active?.state ?? 'steady' };
}

/** Whether a look without a claim says anything: only where nothing may be changing while it looks. */
export function isAtRest(state: ManagedState, now: number): boolean {
  return state.adopted && !isBusy(state, now);
}

/** Until when a published agent counts as working on the pending value; 0 when none does. */
function publishedWorkEndsAt(state: ManagedState, now: number): number {
  const offered = state.active?.state === 'pending' && !state.active.everClaimed && state.active.publishedAt !== null;
  return offered && state.published !== null ? leaseEndOf(state.published, now) : 0;
}

/** What became of the rotation that a report names. */
export interface ReportedRotation {
  readonly rotationId: string;
  readonly state: 'waiting-for-drain' | 'pending' | 'promoted' | 'retired' | 'rejected';
  readonly version: number | null;
}

export type ConfirmDecision = 'promote' | 'promoted' | 'stale-epoch' | 'rejected' | 'finished';

/** Rule 2: only the newest epoch is heard. A repeat of a confirm that was answered finds its version live. */
export function decideConfirm(state: ManagedState, rotation: ReportedRotation, epoch: number): ConfirmDecision {
  if (epoch !== state.epoch) return 'stale-epoch';
  if (rotation.state === 'rejected') return 'rejected';
  if (rotation.state === 'pending') return 'promote';
  return rotation.version === state.live.version ? 'promoted' : 'finished';
}

/** `rejected`: a repeat under the same epoch. */
export function decideReject(state: ManagedState, rotation: ReportedRotation, epoch: number): 'reject' | 'rejected' | 'over' {
  if (epoch !== state.epoch) return 'over';
  if (rotation.state === 'pending') return 'reject';
  return rotation.state === 'rejected' && rotation.version === state.lastVersion ? 'rejected' : 'over';
}

export function decideRetired(state: ManagedState, rotation: ReportedRotation, epoch: number): 'retire' | 'retired' | 'over' {
  if (epoch !== state.epoch) return 'over';
  if (rotation.state === 'promoted') return 'retire';
  return rotation.state === 'retired' && rotation.version === state.live.version ? 'retired' : 'over';
}

/** Whether a published agent may be given the pending value now: in place only, never claimed, no other one at work. */
export function mayOfferToPublished(state: ManagedState, machineId: string, now: number): boolean {
  const { active, published } = state;
  if (active?.state !== 'pending' || active.everClaimed || state.strategy !== 'single' || isClaimHeld(state, now)) return false;
  const otherAtWork = published !== null && published.machineId !== machineId && active.publishedAt !== null;
  return !otherAtWork || leaseEndOf(published, now) <= now;
}

function leaseEndOf(published: PublishedAgent, now: number): number {
  return published.seenAt > now + clockSlackMs ? 0 : published.seenAt + publishedLeaseMs;
}

export type PublishedReport = 'act' | 'done' | 'served-by-daemon' | 'rotation-over';

/** A published agent's confirm: no epoch, so only for what no daemon ever claimed. Repeats are answered like the first. */
export function decidePublishedConfirm(state: ManagedState, rotation: ReportedRotation): PublishedReport {
  if (rotation.state === 'promoted' || rotation.state === 'retired') return 'done';
  return decidePublished(state, rotation);
}

export function decidePublishedReject(state: ManagedState, rotation: ReportedRotation): PublishedReport {
  if (rotation.state === 'rejected') return 'done';
  return decidePublished(state, rotation);
}

function decidePublished(state: ManagedState, rotation: ReportedRotation): PublishedReport {
  if (rotation.state !== 'pending' || state.active?.rotationId !== rotation.rotationId) return 'rotation-over';
  if (state.active.everClaimed || state.strategy !== 'single') return 'served-by-daemon';
  return state.active.publishedAt === null ? 'rotation-over' : 'act';
}

/** Whether the previous version stays when the pending one is promoted. In place there is nothing left to retire. */
export function overlaps(strategy: ManagedStrategy): boolean {
  return strategy === 'flip';
}

/**
 * Readers of the draining version that the vault cannot know by name: applications that carry the adopted password in
 * their own settings. That nobody read it here says nothing about them; only the deadline or an operator ends their hold.
 */
export function readersOutside(active: ActiveRotation): 0 | 1 {
  return active.purpose === 'adopt' ? 1 : 0;
}

/**
 * Whether a claim brings older passwords of the live login, by which a restored backup is told from a stranger's change:
 * for repairs and for drains taken over. The everyday claim, for the pending version, brings no more than it needs.
 */
export function bringsRetired(purpose: 'work' | 'repair', phase: 'pending' | 'promoted' | 'steady'): boolean {
  return purpose === 'repair' || phase === 'promoted';
}

export type DrainState = 'draining' | 'clear' | 'deadline-passed';

/**
 * `holds`: how many readers may still use the previous version; `ageMs`: the counted age of the vault. The deadline clears them all (rule 3), and is answered
 * before an empty list of readers: sessions that the agent still sees in the database must not hold retirement for ever.
 */
export function drainState(active: ActiveRotation, holds: number, ageMs: number): DrainState {
  const passed = active.retireNow || (active.drainEndsAtAge !== null && ageMs >= active.drainEndsAtAge);
  if (passed) return 'deadline-passed';
  return holds === 0 ? 'clear' : 'draining';
}

/**
 * Whether a rotation may begin: only where somebody took the secret on, a daemon by adoption (which is where a person
 * chooses the strategy) or a published agent by asking for it, as such agents do all the time. A login that was merely
 * written down, or that an agent looked at once, is never changed.
 */
export function isTakenOn(state: ManagedState, now: number): boolean {
  const { after, until } = publishedPresence(now);
  return state.adopted || (state.published !== null && state.published.seenAt > after && state.published.seenAt <= until);
}

/** Between which times a published agent has to have been seen last to count as there now; for the store's queries too. */
export function publishedPresence(now: number): { readonly after: number; readonly until: number } {
  return { after: now - publishedPresenceMs, until: now + clockSlackMs };
}
