/**
 * How refusals leave the vault: one status for each code, `{"error": …}` exactly under /v1 with the code in a header,
 * code and facts under /v2 (protocol/vault/error-body.ts). Words come from the catalogue, never from a server or driver.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type ErrorCode, errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import { clockWindowSeconds, errorCodeHeader } from '@sikkerkey/protocol/signing.ts';
import type { V2ErrorBody } from '@sikkerkey/protocol/vault/error-body.ts';
import type { BareReason, InFlight, Outcome, Refused } from '../storage/records.ts';

/** Statuses of the codes that the vault answers with; any other code is a defect and answers 500. */
const statuses: Partial<Readonly<Record<ErrorCode, number>>> = {
  'request-malformed': 400,
  'request-too-large': 413,
  'request-field-invalid': 400,
  'route-not-found': 404,
  'address-locked-out': 429,
  'too-many-streams': 429,
  'not-authenticated': 401,
  'clock-outside-window': 401,
  'request-replayed': 401,
  'enrollment-token-refused': 401,
  'machine-not-approved': 403,
  'operator-disabled': 403,
  'access-denied': 403,
  'not-found': 404,
  'secret-is-managed': 409,
  'secret-not-managed': 409,
  'name-taken': 409,
  'machine-not-member': 409,
  'fingerprint-mismatch': 409,
  'already-adopted': 409,
  'last-operator': 409,
  'not-adopted': 409,
  'published-agent-silent': 409,
  'owner-mismatch': 409,
  'waiting-for-drain': 409,
  'nothing-draining': 409,
  'served-by-daemon': 409,
  'rotation-over': 409,
  'version-unavailable': 409,
  'vault-sealed': 503,
  'vault-clock-went-back': 503,
  'vault-disk-full': 503,
  'vault-store-failed': 503,
  'vault-failed': 500,
};

/** What a 404 is about. */
export type Subject =
  | 'secret'
  | 'project'
  | 'machine'
  | 'rotation'
  | 'version'
  | 'operator'
  | 'machine or project'
  | 'secret or machine'
  | 'grant';

/** Whether this is an answer of the vault to its callers, and not a failure of its own (a damaged value, say). */
export function isRefusal(failure: CatalogueError): boolean {
  return statuses[failure.code] !== undefined;
}

/** Until somebody unsealed the vault, made room or the clock has caught up, there is no point in asking more often. */
const unavailableRetryMs = 5_000;
/** Streams live long: a place is seldom free sooner. The listener polls meanwhile. */
const streamRetryMs = 30_000;

export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer for a refusal on this path. */
export function refusalAnswer(refusal: CatalogueError, path: string): RefusalAnswer {
  const status = statuses[refusal.code] ?? 500;
  const retryAfterMs = retryAfter(refusal);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  if (!path.startsWith('/v2/')) {
    headers[errorCodeHeader] = refusal.code;
    return { status, headers, body: JSON.stringify({ error: errorCatalogue[refusal.code].title }) };
  }
  const body: V2ErrorBody = {
    error: { code: refusal.code, details: { ...refusal.details }, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  };
  return { status, headers, body: JSON.stringify(body) };
}

/** Milliseconds after which asking again makes sense, where the refusal says so. */
function retryAfter(refusal: CatalogueError): number | undefined {
  if (statuses[refusal.code] === 503) return unavailableRetryMs;
  if (refusal.code === 'too-many-streams') return streamRetryMs;
  if (refusal.code !== 'address-locked-out') return undefined;
  const seconds: unknown = Reflect.get(refusal.details, 'seconds');
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}

/** The catalogue's word for what the store refused; `subject` is what the route looks up, `made` what it makes. */
export function refusalOf(reason: BareReason, subject: Subject, made: Subject = subject): CatalogueError {
  switch (reason) {
    case 'replay':
      return new CatalogueError('request-replayed', {});
    case 'time-forgotten':
      return new CatalogueError('vault-clock-went-back', {});
    case 'nonce-forgotten':
      return new CatalogueError('clock-outside-window', { windowSeconds: clockWindowSeconds });
    case 'unknown-caller':
      return new CatalogueError('not-authenticated', {});
    case 'machine-pending':
    case 'machine-denied':
    case 'machine-disabled':
      return new CatalogueError('machine-not-approved', { state: reason.slice('machine-'.length) });
    case 'no-grant':
      return new CatalogueError('access-denied', {});
    case 'not-found':
      return new CatalogueError('not-found', { subject });
    case 'managed-secret':
      return new CatalogueError('secret-is-managed', {});
    case 'not-managed':
      return new CatalogueError('secret-not-managed', {});
    case 'token-invalid':
      return new CatalogueError('enrollment-token-refused', {});
    case 'name-taken':
      return new CatalogueError('name-taken', { subject: made });
    case 'fingerprint-mismatch':
    case 'already-adopted':
    case 'not-adopted':
    case 'owner-mismatch':
    case 'nothing-draining':
    case 'served-by-daemon':
    case 'rotation-over':
    case 'version-unavailable':
    case 'operator-disabled':
    case 'last-operator':
      return new CatalogueError(reason, {});
    default:
      throw new RangeError(reason satisfies never);
  }
}

/** The value of an operation that was done; throws the refusal otherwise, in the words of `refusalOf`. */
export function done<Value>(outcome: Outcome<Value>, subject: Subject, made: Subject = subject): Value {
  if (outcome.kind === 'done') return outcome.value;
  if (outcome.reason === 'waiting-for-drain') throw waitingForDrain(outcome.inFlight);
  if (outcome.reason === 'not-a-member') throw new CatalogueError('machine-not-member', { projectId: outcome.projectId });
  if (outcome.reason === 'published-agent-silent') throw publishedAgentSilent(outcome);
  throw refusalOf(outcome.reason, subject, made);
}

/** Names what must pass first; who the readers are, and the way out, is in the command of the remedy. */
function waitingForDrain({ secretId, holdOutCount, drainDeadlineAt }: InFlight): CatalogueError {
  const until = drainDeadlineAt === null ? 'the rotation ends' : new Date(drainDeadlineAt).toISOString();
  return new CatalogueError('waiting-for-drain', { secretId, holdOuts: holdOutCount, until });
}

function publishedAgentSilent({ machineId, seenAt }: Extract<Refused, { reason: 'published-agent-silent' }>): CatalogueError {
  return new CatalogueError('published-agent-silent', { machineId, heardAt: new Date(seenAt).toISOString() });
}
