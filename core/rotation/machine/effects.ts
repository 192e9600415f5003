/** The one effect that each state waits for. */
import type { Effect, State, Work } from './state.ts';

/** Reason given to the vault when an undo is resumed after a restart that forgot the first reason. */
const undoneAfterRestart = 'undone-after-restart';

/** Null while resting: nothing is outstanding. */
export function effectOf(state: State): Effect | null {
  switch (state.at) {
    case 'claiming':
      return { kind: 'claim', purpose: state.purpose };
    case 'journalling':
      return { kind: 'write-row', work: state.work };
    case 'probing':
    case 'probing-drain':
      return { kind: 'observe' };
    case 'opening':
      return { kind: 'open-session', epoch: state.work.epoch };
    case 'asking':
      // The drain's answer knows the newest epoch too, and whether the version before may still be opened.
      if (state.work.goal === 'repair-while-draining') return { kind: 'drain', ...reference(state.work) };
      return { kind: 'ask-epoch', epoch: state.work.epoch };
    case 'refused':
      return { kind: 'ask-epoch', epoch: state.work.epoch };
    case 'looking':
      return { kind: 'look' };
    case 'executing':
      return executeFirst(state.statements);
    case 'verifying':
      return { kind: 'verify' };
    case 'confirming':
      return { kind: 'confirm', ...reference(state.work) };
    case 'draining':
      return { kind: 'drain', ...reference(state.work) };
    case 'counting-sessions':
      return { kind: 'count-sessions', slot: state.slot };
    case 'rejecting':
      return { kind: 'reject', ...reference(state.work), code: state.work.undoCode ?? undoneAfterRestart };
    case 'reporting-retired':
      return { kind: 'report-retired', ...reference(state.work) };
    case 'finishing':
      return { kind: 'finish-row', outcome: state.outcome };
    case 'releasing':
      return { kind: 'release', epoch: state.epoch };
    case 'resting':
      return null;
    default:
      throw new Error('unknown state', { cause: state satisfies never });
  }
}

/** Whether a session of ours is open in this state; in every other the driver closes it. */
export function holdsSession(state: State): boolean {
  return state.at === 'asking' || state.at === 'looking' || state.at === 'executing';
}

function executeFirst(statements: Extract<State, { at: 'executing' }>['statements']): Effect {
  const [statement] = statements;
  if (statement === undefined) throw new Error('nothing left to execute');
  return { kind: 'execute', statement };
}

function reference(work: Work): { readonly rotationId: string; readonly epoch: number } {
  if (work.rotationId === null) throw new Error('this work belongs to no rotation');
  return { rotationId: work.rotationId, epoch: work.epoch };
}
