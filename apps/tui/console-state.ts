/** The console's own state (what is selected, what is open), as a pure reducer; the daemon's state is the mirror's. */
import type { LocalResult, Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { ErrorDetails } from '@sikkerkey/ui-shared/client/daemon-error.ts';
import type { KeyContext } from './keys/keymap.ts';

export type Modal =
  | { readonly kind: 'none' }
  | { readonly kind: 'help'; readonly scroll: number }
  | {
      readonly kind: 'plan';
      readonly secretId: string;
      readonly phase: PlanPhase;
      readonly scroll: number;
      /** The largest scroll there was: what stands above it has been seen. */
      readonly furthest: number;
    };

export type PlanPhase =
  | { readonly kind: 'asking' }
  | { readonly kind: 'shown'; readonly plan: Plan }
  | { readonly kind: 'rotating'; readonly plan: Plan }
  | { readonly kind: 'failed'; readonly code: string; readonly details: ErrorDetails };

/** The word on the last act; a rotation's follows the facts, so that it never claims what is over. */
export type Notice =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'rotation'; readonly secretId: string; readonly rotationId: string; readonly waitsFor: WaitsFor };

/** Who still holds the password before, and until when; null for a rotation that begins at once. */
export type WaitsFor = LocalResult<'agent.rotate'>['waitsFor'];

export interface ConsoleState {
  /** By id, so that the selection stays on its agent when others come and go. */
  readonly selectedId: string | null;
  readonly modal: Modal;
  /** One line about the last act, until the next key. */
  readonly notice: Notice | null;
}

export const initialState: ConsoleState = { selectedId: null, modal: { kind: 'none' }, notice: null };

export type ConsoleEvent =
  | { readonly kind: 'selected'; readonly secretId: string }
  /** `ids`: the rows as they stand, in order. Infinite steps go to an end. */
  | { readonly kind: 'moved'; readonly by: number; readonly ids: readonly string[] }
  | { readonly kind: 'help-opened' }
  | { readonly kind: 'closed' }
  /** `last`: the largest useful scroll as the screen stands. Infinite steps go to an end. */
  | { readonly kind: 'scrolled'; readonly by: number; readonly last: number }
  | { readonly kind: 'plan-asked'; readonly secretId: string }
  | { readonly kind: 'plan-came'; readonly secretId: string; readonly plan: Plan }
  | { readonly kind: 'rotation-asked'; readonly secretId: string }
  | { readonly kind: 'rotation-begun'; readonly secretId: string; readonly rotationId: string; readonly waitsFor: WaitsFor }
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
      return { ...state, modal: { kind: 'help', scroll: 0 }, notice: null };
    case 'closed':
      return { ...state, modal: { kind: 'none' } };
    case 'scrolled':
      return { ...state, modal: scrolledModal(state.modal, event) };
    case 'plan-asked':
      return {
        ...state,
        notice: null,
        modal: { kind: 'plan', secretId: event.secretId, phase: { kind: 'asking' }, scroll: 0, furthest: 0 },
      };
    case 'plan-came':
      return withPhase(state, event.secretId, { kind: 'shown', plan: event.plan });
    case 'rotation-asked':
      return state.modal.kind === 'plan' && state.modal.phase.kind === 'shown'
        ? withPhase(state, event.secretId, { kind: 'rotating', plan: state.modal.phase.plan })
        : state;
    case 'rotation-begun': {
      const { secretId, rotationId, waitsFor } = event;
      return {
        ...state,
        modal: isPlanOf(state, secretId) ? { kind: 'none' } : state.modal,
        notice: { kind: 'rotation', secretId, rotationId, waitsFor },
      };
    }
    case 'plan-failed':
      return withPhase(state, event.secretId, { kind: 'failed', code: event.code, details: event.details });
    case 'notice':
      return { ...state, notice: { kind: 'text', text: event.text } };
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

function scrolledModal(modal: Modal, { by, last }: { readonly by: number; readonly last: number }): Modal {
  if (modal.kind === 'none') return modal;
  const scroll = Math.min(last, Math.max(0, Math.min(modal.scroll, last) + by));
  return modal.kind === 'plan' ? { ...modal, scroll, furthest: Math.max(modal.furthest, scroll) } : { ...modal, scroll };
}

function isPlanOf({ modal }: ConsoleState, secretId: string): boolean {
  return modal.kind === 'plan' && modal.secretId === secretId;
}

/** An answer that comes after the modal was closed (or opened for another agent) changes nothing. */
function withPhase(state: ConsoleState, secretId: string, phase: PlanPhase): ConsoleState {
  return state.modal.kind === 'plan' && isPlanOf(state, secretId)
    ? { ...state, modal: { ...state.modal, phase, scroll: 0, furthest: 0 } }
    : state;
}
