/** What an agent shows when it could not even begin, or cannot end: state and code, each failure once. */
import type { AgentState } from '@sikkerkey/core/rotation/facts.ts';
import {
  differentServer,
  EngineFailure,
  epochAhead,
  JournalUnavailable,
  VaultDenied,
  VaultUnreachable,
} from '@sikkerkey/core/rotation/ports.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface ShownFailure {
  readonly state: AgentState;
  readonly code: string;
  readonly details: Record<string, string | number>;
}

export function shownFailure(error: unknown, reference: (error: unknown) => string): ShownFailure {
  if (error instanceof VaultUnreachable) return { state: 'VAULT_UNREACHABLE', code: error.code, details: {} };
  if (error instanceof VaultDenied) return { state: 'ACCESS_DENIED', code: error.code, details: {} };
  if (error instanceof JournalUnavailable) return { state: 'JOURNAL_UNAVAILABLE', code: error.code, details: {} };
  if (error instanceof EngineFailure) return { state: stateAtDatabase(error.code), code: error.code, details: { ...error.details } };
  if (error instanceof CatalogueError) return { state: stateOf(error.code), code: error.code, details: { ...error.details } };
  return { state: 'DATABASE_UNREACHABLE', code: 'internal-failure', details: { reference: reference(error) } };
}

function stateAtDatabase(code: string): AgentState {
  return code === differentServer ? 'QUARANTINED' : 'DATABASE_UNREACHABLE';
}

function stateOf(code: string): AgentState {
  if (code === epochAhead) return 'QUARANTINED';
  return code === 'identity-unusable' || code === 'vault-unknown' ? 'VAULT_UNREACHABLE' : 'DATABASE_UNREACHABLE';
}
