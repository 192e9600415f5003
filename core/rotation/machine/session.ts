/**
 * Everything that touches the database: session, epoch, look, statements, in this order and only while the session
 * lives. A lost session starts again at the lock, a newer epoch ends the work (rule 1).
 */

import type { DrainOutcome, EngineFailureKind } from '../ports.ts';
import { repetitionOf } from '../statements.ts';
import {
  forgottenOf,
  holdsForeignPrevious,
  isLockedPrevious,
  leavingForeignPrevious,
  leavingLockedPrevious,
} from '../strategies/strategy.ts';
import type { Receipt, Shape, Versions } from '../types.ts';
import { ahead, forPerson, givenUp, isQuarantined, quarantined, resting, rowOf } from './claiming.ts';
import type { MachineRules } from './rules.ts';
import { type Event, impossible, type SessionWork, type State, type Wish, type Work } from './state.ts';

/** Shown while the login that drains has a stranger's password. */
const foreignPrevious = 'foreign-password-draining';
/** Shown while somebody keeps the login that drains locked. */
const lockedPrevious = 'locked-login-draining';

type Refused = Extract<State, { at: 'refused' }>;
type InSession = Extract<State, { at: 'opening' | 'asking' | 'looking' | 'executing' }>;

export function afterSessionStep(state: InSession, event: Event, rules: MachineRules): State {
  if (event.kind === 'engine-failed') return afterFailure(state, event.failure, event.code);
  const { work, wish } = state;
  switch (state.at) {
    case 'opening':
      return event.kind === 'session-open' ? { at: 'asking', work, wish } : impossible(state, event);
    case 'asking':
      if (event.kind === 'drain-answered') return afterAskedDrain(work, event.outcome, wish);
      if (event.kind !== 'epoch-answered') return impossible(state, event);
      return event.newestEpoch === work.epoch ? { at: 'looking', work, wish } : afterNewest(overtaken(work, wish), event.newestEpoch);
    case 'looking':
      return event.kind === 'looked' ? afterLook(work, event.shape, wish, rules) : impossible(state, event);
    case 'executing': {
      if (event.kind !== 'executed') return impossible(state, event);
      const statements = state.statements.slice(1);
      return statements.length > 0 ? { at: 'executing', work, statements, wish } : reached(work, wish);
    }
    default:
      throw new Error('unknown state', { cause: state satisfies never });
  }
}

export function afterRefused(state: Refused, event: Event): State {
  return event.kind === 'epoch-answered' ? afterNewest(state, event.newestEpoch) : impossible(state, event);
}

/**
 * Whoever overtook us had a higher epoch from this vault. A vault whose newest one is lower than ours has gone back (restored
 * from a backup): what it says is over may be all that anybody knows of what the database holds, so the row stays. Where the
 * database refuses our newest one, the mark is forged or another vault's. Going on is for a person to decide. Whoever
 * overtook a row that knows what the vault has forgotten does not know it: that work is claimed anew.
 */
function afterNewest({ work, by, outcome, wish }: Refused, newestEpoch: number): State {
  const isAhead = newestEpoch < work.epoch || (newestEpoch === work.epoch && by === 'database');
  if (isAhead) return resting(ahead);
  if (forgottenOf(work.versions).length > 0 && outcome !== 'rotated') return { at: 'claiming', purpose: 'repair', row: rowOf(work), wish };
  return { at: 'finishing', work, outcome, afterwards: wish.probe ? { kind: 'probe' } : { kind: 'rest' }, wish };
}

/** Once nobody may hold the version before, or an operator has it retired now, it is not opened again. */
function afterAskedDrain(work: SessionWork, { kind }: DrainOutcome, wish: Wish): State {
  switch (kind) {
    case 'draining':
      return { at: 'looking', work, wish };
    case 'over':
      return overtaken(work, wish);
    case 'clear':
    case 'deadline-passed':
      return { at: 'journalling', work: { ...work, goal: 'drain' }, wish };
    default:
      throw new Error('unknown answer', { cause: kind satisfies never });
  }
}

function afterLook(asked: SessionWork, shape: Shape, wish: Wish, rules: MachineRules): State {
  if (touchesLiveLogin(asked) && isQuarantined(shape, asked, wish)) return beforeForeignPassword(asked, wish);
  const isDraining = asked.goal === 'repair-while-draining';
  if (isDraining && !wish.knowsEnded && holdsForeignPrevious(shape, asked.versions))
    return { at: 'claiming', purpose: 'repair', row: rowOf(asked), wish };
  const work = isDraining ? { ...asked, drainCode: drainCodeOf(shape, asked.versions, wish) } : asked;
  const judged = wish.overwriteForeignPassword ? shape : leavingPrevious(shape, work);
  const plan = rules.strategies[work.strategy].plan(work.goal, judged, work.versions);
  if (plan.kind === 'login-missing') return resting({ kind: 'blocked', state: 'QUARANTINED', code: plan.kind });
  return plan.statements.length > 0 ? { at: 'executing', work, statements: plan.statements, wish } : reached(work, wish);
}

/**
 * The everyday claim brings no ended versions, so what looks foreign may be a restored backup: claimed as for a repair, the
 * next look knows them all. A person who gives the pending version up leaves a stranger's password where it is.
 */
function beforeForeignPassword(work: SessionWork, wish: Wish): State {
  if (!wish.knowsEnded) return { at: 'claiming', purpose: 'repair', row: rowOf(work), wish };
  if (work.goal === 'undo' && work.undoCode === givenUp) return reached(work, wish);
  // The login is its owner's again, whatever password they gave it; but what only this row knows of a database does not go with that.
  if (work.goal === 'repair' && wish.giveUpRotationId !== null && forgottenOf(work.versions).length === 0)
    return { at: 'finishing', work, outcome: 'superseded', afterwards: { kind: 'release' }, wish };
  return resting(quarantined);
}

/** What a person has to know of the login that drains, and has not said to overwrite. */
export function drainCodeOf(shape: Shape, versions: Versions, wish: Wish): string | null {
  if (wish.overwriteForeignPassword) return null;
  if (holdsForeignPrevious(shape, versions)) return foreignPrevious;
  return isLockedPrevious(shape, versions) ? lockedPrevious : null;
}

/** Retirement closes the login before whatever somebody did to it; the repair beside it leaves that alone. */
function leavingPrevious(shape: Shape, { goal, versions }: SessionWork): Shape {
  const left = leavingForeignPrevious(shape, versions);
  return goal === 'repair-while-draining' ? leavingLockedPrevious(left, versions) : left;
}

/** An undo that only closes the pending version's own login guesses nothing, whatever the live one holds. */
function touchesLiveLogin(work: SessionWork): boolean {
  return work.goal !== 'undo' || work.versions.pending?.slot === work.versions.live.slot;
}

function afterFailure(state: InSession, failure: EngineFailureKind, code: string): State {
  const { work, wish } = state;
  switch (failure) {
    case 'session-lost':
      return { at: 'opening', work, wish };
    case 'transient': {
      const [statement] = state.at === 'executing' ? state.statements : [];
      // The session lives and the statement was not executed: what is repeatable may be sent again as it is.
      if (statement !== undefined && repetitionOf(statement) === 'repeatable') return state;
      return { at: 'opening', work, wish };
    }
    case 'newer-epoch':
      return { ...overtaken(work, wish), by: 'database' };
    case 'needs-person':
      return resting(forPerson(code));
    default:
      throw new Error('unknown failure', { cause: failure satisfies never });
  }
}

/** The database is as the goal wants it. */
function reached(work: SessionWork, wish: Wish): State {
  switch (work.goal) {
    case 'apply':
      return { at: 'verifying', work, wish };
    case 'undo':
      return { at: 'rejecting', work, wish };
    case 'retire':
      return { at: 'reporting-retired', work, wish };
    case 'repair':
      return { at: 'finishing', work, outcome: 'repaired', afterwards: { kind: 'release' }, wish };
    case 'repair-while-draining':
      return { at: 'journalling', work: { ...work, goal: 'drain' }, wish };
    default:
      throw new Error('unknown goal', { cause: work.goal satisfies never });
  }
}

/** The vault says that the work is over. Not by us, and a vault that was restored from a backup says so too. */
export function overtaken(work: Work, wish: Wish, outcome: Receipt['outcome'] = 'superseded'): Refused {
  return { at: 'refused', work, by: 'vault', outcome, wish };
}
