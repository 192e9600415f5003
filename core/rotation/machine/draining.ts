/**
 * The drain: retirement waits until the vault knows of no reader and the database shows no session with the version
 * before, or until the deadline. Meanwhile both versions are repaired; once nobody may hold the version before, it is
 * never opened again, since an operator may have locked it on purpose. Retirement itself looks (rules 3 and 6).
 */
import type { DrainOutcome } from '../ports.ts';
import { holdsForeignPrevious, leavingForeignPrevious, leavingLockedPrevious, logsIn } from '../strategies/strategy.ts';
import type { Shape, Versions } from '../types.ts';
import { resting, rowOf } from './claiming.ts';
import type { MachineRules } from './rules.ts';
import { drainCodeOf, overtaken } from './session.ts';
import { type Event, impossible, type State, type Wish, type Work } from './state.ts';

export function afterDraining(state: Extract<State, { at: 'draining' }>, event: Event): State {
  if (event.kind !== 'drain-answered') return impossible(state, event);
  const { work, wish } = state;
  const { outcome } = event;
  switch (outcome.kind) {
    case 'over':
      // Not by us: another agent retired it, or works on it under a newer epoch and it drains still.
      return overtaken(work, wish);
    case 'deadline-passed':
      return retire(work, wish);
    case 'draining':
      return wish.probe ? { at: 'probing-drain', work, answer: outcome, wish } : stillDraining(work, outcome);
    case 'clear':
      return { at: 'probing-drain', work, answer: outcome, wish };
    default:
      throw new Error('unknown answer', { cause: outcome satisfies never });
  }
}

export function afterProbingDrain(state: Extract<State, { at: 'probing-drain' }>, event: Event, rules: MachineRules): State {
  if (event.kind !== 'observed') return impossible(state, event);
  const { answer, wish } = state;
  const isForeign = holdsForeignPrevious(event.shape, state.work.versions);
  // What looks foreign may be a restored backup: claimed as for a repair, the next look knows the ended versions too.
  if (isForeign && answer.kind === 'draining' && !wish.knowsEnded)
    return { at: 'claiming', purpose: 'repair', row: rowOf(state.work), wish: { ...wish, probe: true } };
  const work = { ...state.work, drainCode: drainCodeOf(event.shape, state.work.versions, wish) };
  switch (answer.kind) {
    case 'draining': {
      const judged = wish.overwriteForeignPassword ? event.shape : leavingPrevious(event.shape, work.versions);
      if (!rules.strategies[work.strategy].isDrifted(judged, work.versions)) return stillDraining(work, answer);
      return { at: 'journalling', work: { ...work, goal: 'repair-while-draining' }, wish };
    }
    case 'clear':
      // Every reader has moved to a login that fails: retirement opens it first, sessions are not waited for.
      return logsIn(event.shape, work.versions.live) ? countSessions(work, wish) : retire(work, wish);
    default:
      throw new Error('unknown answer', { cause: answer satisfies never });
  }
}

/** What somebody else did to the login that drains stays, as long as nobody says otherwise. */
function leavingPrevious(shape: Shape, versions: Versions): Shape {
  return leavingLockedPrevious(leavingForeignPrevious(shape, versions), versions);
}

export function afterCounting(state: Extract<State, { at: 'counting-sessions' }>, event: Event): State {
  if (event.kind !== 'sessions-counted') return impossible(state, event);
  const { work, wish } = state;
  if (event.holdOuts.length === 0) return retire(work, wish);
  return resting({ kind: 'draining', holdOuts: event.holdOuts, deadlineInMs: null, code: work.drainCode }, work);
}

export function afterReporting(state: Extract<State, { at: 'reporting-retired' }>, event: Event): State {
  if (event.kind !== 'retired-answered') return impossible(state, event);
  if (event.outcome === 'over') return overtaken(state.work, state.wish, 'rotated');
  return { at: 'finishing', work: state.work, outcome: 'rotated', afterwards: { kind: 'rest' }, wish: state.wish };
}

function stillDraining(work: Work, answer: Extract<DrainOutcome, { kind: 'draining' }>): State {
  return resting({ kind: 'draining', holdOuts: answer.holdOuts, deadlineInMs: answer.deadlineInMs, code: work.drainCode }, work);
}

/** Where both versions use one login, its sessions cannot be told apart: the vault's word is all there is. */
function countSessions(work: Work, wish: Wish): State {
  const { live, previous } = work.versions;
  if (previous === null || previous.slot === live.slot) return retire(work, wish);
  return { at: 'counting-sessions', work, slot: previous.slot, wish };
}

function retire(work: Work, wish: Wish): State {
  return { at: 'journalling', work: { ...work, goal: 'retire' }, wish };
}
