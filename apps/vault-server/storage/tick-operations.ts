/** The part of the storage interface that works by itself: what listeners are told, and what comes about with time. */
import type { EventPage, MayOffer } from './records.ts';

/** A rotation whose time has come by the wall clock. */
export interface DueRotation {
  readonly secretId: string;
  readonly dueAt: number;
  readonly intervalMs: number;
}

/** From when to when, by the wall clock; the end is not part of it. */
export interface TimeSpan {
  readonly from: number;
  readonly until: number;
}

/** Events for listeners, and the work of the vault's own tick. Each tick's operation is bounded by `limit`. */
export interface TickOperations {
  /** Position of now, for a listener that starts without a cursor. */
  eventCursor(): Promise<string>;
  /** Events after the cursor that this machine may see at this moment, in commit order. `limit` bounds the rows looked at. */
  eventsAfter(input: { readonly machineId: string; readonly cursor: string; readonly limit: number }): Promise<EventPage>;
  /**
   * Makes due rotations pending that `mayBegin`; secrets with one in flight come later. One whose value cannot be sealed is
   * due again in a minute and keeps none of the others waiting. Returns how many began.
   */
  requestDueRotations(
    input: { readonly now: number; readonly limit: number; readonly mayBegin: (due: DueRotation) => boolean } & MayOffer,
  ): Promise<number>;
  /**
   * A rotation that a clock since put back planned for later than an interval from now comes at now + its interval. Only
   * for a `now` that is known to be right. Returns how many did.
   */
  bringForward(input: { readonly now: number }): Promise<number>;
  /**
   * Until when every request is refused, since the clock went back to a time whose nonces are forgotten (`time-forgotten`);
   * null where they are not.
   */
  refusedUntil(input: { readonly now: number }): Promise<number | null>;
  /** Whether some request that is in time may be refused for that, also where not all are: nobody was heard for certain. */
  mayRefuse(input: { readonly now: number }): Promise<boolean>;
  /**
   * The next time to come in which every request will be refused (`refusedUntil`): one that a clock ahead of its time told,
   * and whose nonces are forgotten. Null where none is known; what is refused now is not to come.
   */
  refusedNext(input: { readonly now: number }): Promise<TimeSpan | null>;
  /**
   * After a time in which nobody could hear of a promotion, none of which is counted: every drain that is not over lasts
   * for at least `atMostMs` more, or its secret's own deadline where that is shorter; but all in all no longer than twice
   * that deadline. Returns how many last longer now.
   */
  extendDrains(input: { readonly now: number; readonly atMostMs: number }): Promise<number>;
  /**
   * The drains of versions that this approved machine read as a published client get their whole deadline again, without
   * that end: it asked by its own clock, proven, and could not hear of the promotion. But a request that is not newer than all
   * that were accepted of it, and than those refused before on the same side of `now`, may be a captured one: by those a drain
   * lasts no longer than twice its deadline, all in all. And only drains of which a sixteenth is over, as each is audited.
   */
  extendDrainsHeldBy(input: { readonly machineId: string; readonly signedAt: number; readonly now: number }): Promise<number>;
  /** Earliest moment at which a lease, or the schedule of a login that is taken on as of `now`, is due; null when nothing is planned. */
  nextDueAt(input: { readonly now: number }): Promise<number | null>;
  /** How much older the vault must become until a drain or a hold is over; null while none runs. */
  untilNextEnd(): Promise<number | null>;
  /**
   * Makes the vault older (managed/vault-age.ts) by the `elapsedMs` that its process measured since the last count or the
   * end of a silence, though by no more than the wall clock says, and by nothing where requests in time may be refused
   * (`mayRefuse`); and announces (drain-clear), once each, the drains that are over by that and those whose last
   * holds are. Nothing else ends a drain or a hold by time. Returns how many ended.
   */
  growOlder(input: { readonly now: number; readonly elapsedMs: number; readonly limit: number }): Promise<number>;
  /** Frees claims whose lease ended and offers their work again. */
  expireClaims(input: { readonly now: number; readonly limit: number }): Promise<number>;
  /**
   * Forgets old nonces, lockouts, tokens and events, and the sealed values whose backup horizon passed (rule 7). Only for a
   * `now` that is known to be right. Returns how much it worked on: less than `limit` means that there is no more.
   */
  prune(input: { readonly now: number; readonly limit: number; readonly keepEventsMs: number }): Promise<number>;
}
