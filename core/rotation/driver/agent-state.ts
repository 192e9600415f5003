/** The words of rotation.md §3.3 for where the machine is. */
import type { AgentState } from '../facts.ts';
import type { State } from '../machine/state.ts';
import type { Goal } from '../types.ts';

export function agentStateOf(state: State): AgentState {
  switch (state.at) {
    case 'claiming':
      return state.row === null ? 'IDLE' : reachedBefore(state.row.goal);
    case 'journalling':
      return reachedBefore(state.work.goal);
    case 'probing':
    case 'releasing':
      return 'IDLE';
    case 'opening':
    case 'asking':
    case 'refused':
    case 'looking':
      return state.work.goal === 'apply' ? 'SEALED' : duringChange(state.work.goal);
    case 'executing':
      return duringChange(state.work.goal);
    case 'verifying':
      return 'APPLIED';
    case 'confirming':
      return 'CONFIRMING';
    case 'draining':
    case 'probing-drain':
    case 'counting-sessions':
      return 'DRAINING';
    case 'rejecting':
      return 'REJECTED';
    case 'reporting-retired':
      return 'RETIRED';
    case 'finishing':
      return atTheEnd(state.outcome);
    case 'resting':
      return atRest(state.rest);
    default:
      throw new Error('unknown state', { cause: state satisfies never });
  }
}

/** What is true while the row that announces this goal is being written. */
function reachedBefore(goal: Goal): AgentState {
  switch (goal) {
    case 'apply':
      return 'RECEIVED';
    case 'confirm':
      return 'VERIFIED';
    case 'drain':
      return 'PROMOTED';
    case 'retire':
      return 'DRAINING';
    case 'undo':
      return 'REJECTED';
    case 'repair':
    case 'repair-while-draining':
      return 'DRIFT';
    default:
      throw new Error('unknown goal', { cause: goal satisfies never });
  }
}

function duringChange(goal: Goal): AgentState {
  return goal === 'apply' ? 'APPLYING' : reachedBefore(goal);
}

function atTheEnd(outcome: Extract<State, { at: 'finishing' }>['outcome']): AgentState {
  switch (outcome) {
    case 'rotated':
      return 'RETIRED';
    case 'rejected':
      return 'ROLLED_BACK';
    case 'repaired':
    case 'superseded':
      return 'IDLE';
    default:
      throw new Error('unknown outcome', { cause: outcome satisfies never });
  }
}

function atRest(rest: Extract<State, { at: 'resting' }>['rest']): AgentState {
  switch (rest.kind) {
    case 'idle':
    case 'finished':
      return 'IDLE';
    case 'draining':
      return 'DRAINING';
    case 'blocked':
      return rest.state;
    case 'denied':
      return 'ACCESS_DENIED';
    default:
      throw new Error('unknown rest', { cause: rest satisfies never });
  }
}
