/** Turns any failure into what may cross the socket: a code, who must act, facts. No stack, no foreign text. */
import { EngineFailure, JournalUnavailable, VaultDenied, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type ErrorCode, errorCatalogue, isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import type { LocalError } from '@sikkerkey/protocol/local/methods.ts';

type Facts = Readonly<Record<string, string | number>>;

/** `secretId` and `machineId` fill the remedies that name them; `reference` is what the log calls an unexpected failure. */
export interface FailureContext {
  readonly secretId: string;
  readonly machineId: string | null;
  reference(error: unknown): string;
}

export function localErrorOf(error: unknown, context: FailureContext): LocalError {
  if (error instanceof CatalogueError) return entry(error.code, error.details);
  if (error instanceof VaultRefusal) return ofRefusal(error);
  if (error instanceof TransportFailure) return entry('vault-unreachable', { reason: error.fault });
  if (error instanceof VaultUnreachable) return entry('vault-unreachable', { reason: error.code });
  if (error instanceof VaultDenied) return ofDenial(error.code, context);
  if (error instanceof JournalUnavailable) return entry('journal-unavailable', { reason: error.code });
  if (error instanceof EngineFailure) return ofEngine(error.code, { secretId: context.secretId, ...error.details });
  return entry('internal-failure', { reference: context.reference(error) });
}

/** The vault's own code where we know it and it brought the facts that its words need. */
function ofRefusal(refusal: VaultRefusal): LocalError {
  const base = isErrorCode(refusal.code) && hasFacts(refusal.code, refusal.details) ? entry(refusal.code, refusal.details) : null;
  const known = base ?? entry('vault-refused', { status: refusal.status, code: refusal.code });
  return refusal.retryAfterMs === null ? known : { ...known, retryAfterMs: refusal.retryAfterMs };
}

/** What an agent was told about its own secret: not there for this machine, or without the grant. */
function ofDenial(code: string, { secretId, machineId }: FailureContext): LocalError {
  const facts = { secretId, subject: 'secret', permission: 'rotate', ...(machineId === null ? {} : { machineId }) };
  return isErrorCode(code) && hasFacts(code, facts) ? entry(code, facts) : entry('vault-refused', { status: 403, code });
}

/** What we call by a name of our own has words of its own; every other code is the server's. */
function ofEngine(code: string, facts: Facts): LocalError {
  return isErrorCode(code) && hasFacts(code, facts) ? entry(code, facts) : entry('engine-failed', { reason: code, ...facts });
}

function hasFacts(code: ErrorCode, facts: Facts): boolean {
  const wanted: readonly string[] = errorCatalogue[code].details;
  return wanted.every((name) => Object.hasOwn(facts, name));
}

function entry(code: ErrorCode, details: Facts): LocalError {
  const { whoMustAct, retryable } = errorCatalogue[code];
  return { code, whoMustAct, retryable, details: { ...details } };
}
