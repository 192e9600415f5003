/** The part of the storage interface that works by itself: what listeners are told, and what comes about with time. */
import type { EventPage, MayOffer } from './records.ts';

/** Events for listeners, and the work of the vault's own tick. Each tick's operation is bounded by `limit`. */
export interface TickOperations {
  /** Position of now, for a listener that starts without a cursor. */
  eventCursor(): Promise<string>;
  /** Events after the cursor that this machine may see at this moment, in commit order. `limit` bounds the rows looked at. */
  eventsAfter(input: { readonly machineId: string; readonly cursor: string; readonly limit: number }): Promise<EventPage>;
  /**
   * Makes due rotations pending; secrets with one in flight come later. One whose value cannot be sealed is due again in a
   * minute and keeps none of the others waiting. Returns how many began.
   */
  requestDueRotations(input: { readonly now: number; readonly limit: number } & MayOffer): Promise<number>;
  /** After downtime: every rotation overdue by more than `overdueMs` moves to now + `delayMs` of its interval. Returns how many. */
  spreadOverdueRotations(input: {
    readonly now: number;
    readonly overdueMs: number;
    readonly delayMs: (intervalMs: number) => number;
  }): Promise<number>;
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
  /**
   * After a time in which nobody could hear of a promotion, none of which is counted: every drain that is not over lasts
   * for at least `atMostMs` more, or its secret's own deadline where that is shorter. Returns how many last longer now.
   */
  extendDrains(input: { readonly now: number; readonly atMostMs: number }): Promise<number>;
  /** Earliest moment at which a lease, or the schedule of a login that is taken on as of `now`, is due; null when nothing is planned. */
  nextDueAt(input: { readonly now: number }): Promise<number | null>;
  /** How much older the vault must become until a drain or a hold is over; null while none runs. */
  untilNextEnd(): Promise<number | null>;
  /**
   * Makes the vault older (managed/vault-age.ts) by the `elapsedMs` that its process measured since the last count or the
   * end of a silence, though by no more than the wall clock says, and by nothing where requests signed now are refused
   * (`refusedUntil`); and announces (drain-clear), once each, the drains that are over by that and those whose last
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
