/**
 * From applied to promoted, or back: verification classifies before it judges (C4, C5), the confirm is repeated until it
 * is answered (C6, C7), and a version that the vault no longer wants is undone (C8).
 */
import type { VerifyOutcome } from '../ports.ts';
import type { MachineRules } from './rules.ts';
import { overtaken } from './session.ts';
import { type Event, impossible, type State, type Wish, type Work } from './state.ts';

const undoCodes = { refused: 'wrong-password', cancelled: 'rejected-by-vault' } as const;

export function afterVerifying(state: Extract<State, { at: 'verifying' }>, event: Event, rules: MachineRules): State {
  if (event.kind !== 'verify-answered') return impossible(state, event);
  return afterVerdict(state, event.outcome, rules);
}

function afterVerdict(state: Extract<State, { at: 'verifying' }>, outcome: VerifyOutcome, rules: MachineRules): State {
  const { work, wish } = state;
  switch (outcome.kind) {
    case 'verified':
      return { at: 'journalling', work: { ...work, goal: 'confirm', refusedLogins: 0 }, wish };
    case 'wrong-password': {
      const refusedLogins = work.refusedLogins + 1;
      if (refusedLogins >= rules.maxRefusedLogins) return undo(work, undoCodes.refused, wish);
      return { at: 'opening', work: { ...work, goal: 'apply', refusedLogins }, wish };
    }
    case 'unfit':
    case 'proves-nothing':
      return undo(work, outcome.code, wish);
    case 'try-again':
      return state;
    default:
      throw new Error('unknown outcome', { cause: outcome satisfies never });
  }
}

export function afterConfirming(state: Extract<State, { at: 'confirming' }>, event: Event, rules: MachineRules): State {
  if (event.kind !== 'confirm-answered') return impossible(state, event);
  const { work, wish } = state;
  switch (event.outcome.kind) {
    case 'promoted':
      if (rules.strategies[work.strategy].hasOverlap) return { at: 'journalling', work: promoted(work), wish };
      return { at: 'finishing', work, outcome: 'rotated', afterwards: { kind: 'rest' }, wish };
    case 'finished':
      return { at: 'finishing', work, outcome: 'rotated', afterwards: { kind: 'rest' }, wish };
    case 'stale-epoch':
      return overtaken(work, wish);
    case 'rejected':
      return undo(work, undoCodes.cancelled, wish);
    default:
      throw new Error('unknown outcome', { cause: event.outcome satisfies never });
  }
}

export function afterRejecting(state: Extract<State, { at: 'rejecting' }>, event: Event): State {
  if (event.kind !== 'reject-answered') return impossible(state, event);
  const { work, wish } = state;
  // Over: the vault had rejected it before, which is why it was undone, or another agent went on.
  if (event.outcome === 'over') return overtaken(work, wish, work.undoCode === undoCodes.cancelled ? 'rejected' : 'superseded');
  const { outcome } = event;
  return { at: 'finishing', work, outcome, afterwards: { kind: 'rest' }, wish };
}

function undo(work: Work, undoCode: string, wish: Wish): State {
  return { at: 'journalling', work: { ...work, goal: 'undo', refusedLogins: 0, undoCode }, wish };
}

/** The pending version is the live one now, and the one before drains. */
function promoted(work: Work): Work {
  const { live, pending } = work.versions;
  if (pending === null) throw new Error('nothing was pending');
  return { ...work, goal: 'drain', versions: { ...work.versions, live: pending, pending: null, previous: live } };
}
