/** What an agent shows when it could not even begin: state and code, each failure once. */
import type { AgentState } from '@sikkerkey/core/rotation/facts.ts';
import { VaultDenied, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface ShownFailure {
  readonly state: AgentState;
  readonly code: string;
  readonly details: Record<string, string | number>;
}

export function failedPreparation(error: unknown, reference: (error: unknown) => string): ShownFailure {
  if (error instanceof VaultUnreachable) return { state: 'VAULT_UNREACHABLE', code: error.code, details: {} };
  if (error instanceof VaultDenied) return { state: 'ACCESS_DENIED', code: error.code, details: {} };
  if (error instanceof CatalogueError) {
    const state = error.code === 'identity-unusable' || error.code === 'vault-unknown' ? 'VAULT_UNREACHABLE' : 'DATABASE_UNREACHABLE';
    return { state, code: error.code, details: { ...error.details } };
  }
  return { state: 'DATABASE_UNREACHABLE', code: 'internal-failure', details: { reference: reference(error) } };
}
