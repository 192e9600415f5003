/** The console's own state (what is selected, what is open), as a pure reducer; the daemon's state is the mirror's. */
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { ErrorDetails } from '@sikkerkey/ui-shared/client/daemon-error.ts';
import type { KeyContext } from './keys/keymap.ts';

export type Modal =
  | { readonly kind: 'none' }
  | { readonly kind: 'help' }
  | { readonly kind: 'plan'; readonly secretId: string; readonly phase: PlanPhase; readonly scroll: number };

export type PlanPhase =
  | { readonly kind: 'asking' }
  | { readonly kind: 'shown'; readonly plan: Plan }
  | { readonly kind: 'rotating'; readonly plan: Plan }
  | { readonly kind: 'failed'; readonly code: string; readonly details: ErrorDetails };

export interface ConsoleState {
  /** By id, so that the selection stays on its agent when others come and go. */
  readonly selectedId: string | null;
  readonly modal: Modal;
  /** One line about the last act, until the next key. */
  readonly notice: string | null;
}

export const initialState: ConsoleState = { selectedId: null, modal: { kind: 'none' }, notice: null };

export type ConsoleEvent =
  | { readonly kind: 'selected'; readonly secretId: string }
  /** `ids`: the rows as they stand, in order. Infinite steps go to an end. */
  | { readonly kind: 'moved'; readonly by: number; readonly ids: readonly string[] }
  | { readonly kind: 'help-opened' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'scrolled'; readonly by: number }
  | { readonly kind: 'plan-asked'; readonly secretId: string }
  | { readonly kind: 'plan-came'; readonly secretId: string; readonly plan: Plan }
  | { readonly kind: 'rotation-asked'; readonly secretId: string }
  | { readonly kind: 'rotation-begun'; readonly secretId: string; readonly notice: string }
  | { readonly kind: 'plan-failed'; readonly secretId: string; readonly code: string; readonly details: ErrorDetails }
  | { readonly kind: 'notice'; readonly text: string };

export function reduceConsole(state: ConsoleState, event: ConsoleEvent): ConsoleState {
  switch (event.kind) {
    case 'selected':
      return { ...state, selectedId: event.secretId, notice: null };
    case 'moved': {
      const from = Math.max(0, event.ids.indexOf(state.selectedId ?? ''));
      const to = Math.min(event.ids.length - 1, Math.max(0, from + event.by));
      return { ...state, selectedId: event.ids[to] ?? state.selectedId, notice: null };
    }
    case 'help-opened':
      return { ...state, modal: { kind: 'help' }, notice: null };
    case 'closed':
      return { ...state, modal: { kind: 'none' } };
    case 'scrolled':
      return state.modal.kind === 'plan'
        ? { ...state, modal: { ...state.modal, scroll: Math.max(0, state.modal.scroll + event.by) } }
        : state;
    case 'plan-asked':
      return { ...state, notice: null, modal: { kind: 'plan', secretId: event.secretId, phase: { kind: 'asking' }, scroll: 0 } };
    case 'plan-came':
      return withPhase(state, event.secretId, { kind: 'shown', plan: event.plan });
    case 'rotation-asked':
      return state.modal.kind === 'plan' && state.modal.phase.kind === 'shown'
        ? withPhase(state, event.secretId, { kind: 'rotating', plan: state.modal.phase.plan })
        : state;
    case 'rotation-begun':
      return { ...state, modal: isPlanOf(state, event.secretId) ? { kind: 'none' } : state.modal, notice: event.notice };
    case 'plan-failed':
      return withPhase(state, event.secretId, { kind: 'failed', code: event.code, details: event.details });
    case 'notice':
      return { ...state, notice: event.text };
    default:
      return event satisfies never;
  }
}

export function keyContextOf({ modal }: ConsoleState): KeyContext {
  switch (modal.kind) {
    case 'none':
      return 'list';
    case 'help':
      return 'help';
    case 'plan':
      return 'plan';
    default:
      return modal satisfies never;
  }
}

function isPlanOf({ modal }: ConsoleState, secretId: string): boolean {
  return modal.kind === 'plan' && modal.secretId === secretId;
}

/** An answer that comes after the modal was closed (or opened for another agent) changes nothing. */
function withPhase(state: ConsoleState, secretId: string, phase: PlanPhase): ConsoleState {
  return state.modal.kind === 'plan' && isPlanOf(state, secretId) ? { ...state, modal: { ...state.modal, phase } } : state;
}
