/**
 * The machine: what an agent does about one secret, as a pure function of where it is and what happened. It follows the
 * protocol of rotation-protocol.md step by step; `test/exploration` searches it completely.
 */

import { forgottenOf } from '../strategies/strategy.ts';
import { afterClaiming, afterProbing, forPerson, resting, take } from './claiming.ts';
import { afterCounting, afterDraining, afterProbingDrain, afterReporting } from './draining.ts';
import { effectOf } from './effects.ts';
import { afterConfirming, afterRejecting, afterVerifying } from './promoting.ts';
import { type MachineRules, productRules } from './rules.ts';
import { afterRefused, afterSessionStep } from './session.ts';
import { type Effect, type Event, impossible, type Row, type State, type Wish, type Work } from './state.ts';

export interface Transition {
  readonly state: State;
  /** At most one: effects are executed one at a time. None while resting. */
  readonly effects: readonly Effect[];
}

/** Where a call begins: with the journal's row, with a drain that this process has under way, or with nothing. */
export function begin(from: { readonly row: Row | null; readonly draining: Work | null }, wish: Wish): Transition {
  if (from.draining !== null) return entered({ at: 'draining', work: from.draining, wish });
  const isRepair = from.row === null ? wish.probe : from.row.goal === 'repair' || forgottenOf(from.row.versions).length > 0;
  return entered({ at: 'claiming', purpose: isRepair ? 'repair' : 'work', row: from.row, wish });
}

/** Throws only for an event that cannot follow from the outstanding effect. */
export function next(state: State, event: Event, rules: MachineRules = productRules): Transition {
  return entered(afterCommon(state, event) ?? afterOwn(state, event, rules));
}

function entered(state: State): Transition {
  const effect = effectOf(state);
  return { state, effects: effect === null ? [] : [effect] };
}

/** What may happen to any effect of a port: no answer means the same effect again, a refusal ends the call and keeps the row. */
function afterCommon(state: State, event: Event): State | null {
  switch (event.kind) {
    case 'vault-unreachable':
      // A claim that cannot be given back ends with its lease.
      return state.at === 'releasing' ? resting(state.rest) : state;
    case 'vault-denied':
      return resting({ kind: 'denied', code: event.code });
    case 'journal-unavailable':
      return resting({ kind: 'blocked', state: 'JOURNAL_UNAVAILABLE', code: event.code });
    case 'engine-failed':
      return isOutsideSession(state) ? afterFailedLook(state, event) : null;
    default:
      return null;
  }
}

function isOutsideSession(state: State): boolean {
  return state.at !== 'opening' && state.at !== 'asking' && state.at !== 'looking' && state.at !== 'executing';
}

/** Observing, verifying and counting change nothing, so they are simply done again; a person's matter ends the call. */
function afterFailedLook(state: State, event: Extract<Event, { kind: 'engine-failed' }>): State {
  if (event.failure !== 'needs-person') return state;
  return resting(forPerson(event.code));
}

function afterOwn(state: State, event: Event, rules: MachineRules): State {
  switch (state.at) {
    case 'claiming':
      return afterClaiming(state, event);
    case 'journalling':
      return event.kind === 'row-written' ? afterJournalling(state) : impossible(state, event);
    case 'probing':
      return afterProbing(state, event, rules);
    case 'opening':
    case 'asking':
    case 'looking':
    case 'executing':
      return afterSessionStep(state, event, rules);
    case 'refused':
      return afterRefused(state, event);
    case 'verifying':
      return afterVerifying(state, event, rules);
    case 'confirming':
      return afterConfirming(state, event, rules);
    case 'draining':
      return afterDraining(state, event);
    case 'probing-drain':
      return afterProbingDrain(state, event, rules);
    case 'counting-sessions':
      return afterCounting(state, event);
    case 'rejecting':
      return afterRejecting(state, event);
    case 'reporting-retired':
      return afterReporting(state, event);
    case 'finishing':
      return event.kind === 'row-finished' ? afterFinishing(state) : impossible(state, event);
    case 'releasing':
      return event.kind === 'released' ? resting(state.rest) : impossible(state, event);
    case 'resting':
      return impossible(state, event);
    default:
      throw new Error('unknown state', { cause: state satisfies never });
  }
}

function afterJournalling({ work, wish }: Extract<State, { at: 'journalling' }>): State {
  const { goal } = work;
  if (goal === 'confirm') return { at: 'confirming', work, wish };
  if (goal === 'drain') return { at: 'draining', work, wish };
  return { at: 'opening', work: { ...work, goal }, wish };
}

function afterFinishing({ work, outcome, afterwards, wish }: Extract<State, { at: 'finishing' }>): State {
  switch (afterwards.kind) {
    case 'rest':
      return resting({ kind: 'finished', outcome });
    case 'release':
      return { at: 'releasing', epoch: work.epoch, rest: { kind: 'finished', outcome } };
    case 'wait':
      return resting({ kind: 'idle', retryInMs: afterwards.retryInMs });
    case 'probe':
      return { at: 'claiming', purpose: 'repair', row: null, wish: { ...wish, probe: true } };
    case 'take':
      return take(afterwards.grant, null, wish);
    default:
      throw new Error('unknown continuation', { cause: afterwards satisfies never });
  }
}
