/** What each command of the key map does. Failures of the daemon become part of the modal, in the catalogue's words. */
import { beginRotation, planRotation } from '@sikkerkey/ui-shared/actions/rotate.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { DaemonError } from '@sikkerkey/ui-shared/client/daemon-error.ts';
import type { AgentRow } from '@sikkerkey/ui-shared/state/overview.ts';
import type { ConsoleEvent, ConsoleState } from './console-state.ts';
import type { CommandName } from './keys/keymap.ts';
import { mayConfirm } from './modals/plan-lines.ts';

export interface CommandParts {
  readonly state: ConsoleState;
  readonly rows: readonly AgentRow[];
  readonly pageSize: number;
  /** Of an open modal: the largest useful scroll, and whether all that must be read before a yes has been seen. */
  readonly lastScroll: number;
  readonly isPlanRead: boolean;
  /** Null while the daemon is not with us. */
  readonly client: DaemonClient | null;
  readonly dispatch: (event: ConsoleEvent) => void;
  readonly quit: () => void;
  readonly suspend: () => void;
}

type Act = (parts: CommandParts) => void;

const acts: Readonly<Record<CommandName, Act>> = {
  'select-next': (parts) => move(parts, 1),
  'select-previous': (parts) => move(parts, -1),
  'select-first': (parts) => move(parts, Number.NEGATIVE_INFINITY),
  'select-last': (parts) => move(parts, Number.POSITIVE_INFINITY),
  'half-page-down': (parts) => move(parts, halfPage(parts)),
  'half-page-up': (parts) => move(parts, -halfPage(parts)),
  'scroll-down': (parts) => scroll(parts, 1),
  'scroll-up': (parts) => scroll(parts, -1),
  'scroll-page-down': (parts) => scroll(parts, parts.pageSize),
  'scroll-page-up': (parts) => scroll(parts, -parts.pageSize),
  'plan-rotation': askForPlan,
  'confirm-rotation': confirmRotation,
  'show-help': ({ dispatch }) => dispatch({ kind: 'help-opened' }),
  close: ({ dispatch }) => dispatch({ kind: 'closed' }),
  suspend: ({ suspend }) => suspend(),
  quit: ({ quit }) => quit(),
};

export function runCommand(command: CommandName, parts: CommandParts): void {
  acts[command](parts);
}

function halfPage({ pageSize }: CommandParts): number {
  return Math.max(1, Math.floor(pageSize / 2));
}

function scroll({ lastScroll, dispatch }: CommandParts, by: number): void {
  dispatch({ kind: 'scrolled', by, last: lastScroll });
}

function selectedIndex({ state, rows }: CommandParts): number {
  return Math.max(
    0,
    rows.findIndex(({ agent }) => agent.secretId === state.selectedId),
  );
}

function move({ rows, dispatch }: CommandParts, by: number): void {
  dispatch({ kind: 'moved', by, ids: rows.map(({ agent }) => agent.secretId) });
}

function askForPlan(parts: CommandParts): void {
  const { client, rows, dispatch } = parts;
  const row = rows[selectedIndex(parts)];
  if (row === undefined) return;
  const { secretId } = row.agent;
  if (client === null) {
    dispatch({ kind: 'notice', text: 'the daemon is not reachable: nothing can be planned' });
    return;
  }
  dispatch({ kind: 'selected', secretId });
  dispatch({ kind: 'plan-asked', secretId });
  planRotation(client, secretId).then(
    (plan) => {
      dispatch({ kind: 'plan-came', secretId, plan });
    },
    (error: unknown) => {
      dispatch(failure(secretId, error));
    },
  );
}

function confirmRotation({ state: { modal }, isPlanRead, client, dispatch }: CommandParts): void {
  if (modal.kind !== 'plan' || !isPlanRead || !mayConfirm(modal.phase)) return;
  const { secretId } = modal;
  if (client === null) {
    dispatch({ kind: 'plan-failed', secretId, code: 'daemon-connection-lost', details: {} });
    return;
  }
  dispatch({ kind: 'rotation-asked', secretId });
  beginRotation(client, secretId).then(
    ({ rotationId, waitsFor }) => {
      dispatch({ kind: 'rotation-begun', secretId, rotationId, waitsFor });
    },
    (error: unknown) => {
      dispatch(failure(secretId, error));
    },
  );
}

function failure(secretId: string, error: unknown): ConsoleEvent {
  if (error instanceof DaemonError) return { kind: 'plan-failed', secretId, code: error.code, details: error.details };
  return { kind: 'plan-failed', secretId, code: 'front-end-failed', details: { kind: error instanceof Error ? error.name : 'unknown' } };
}
