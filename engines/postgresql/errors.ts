/**
 * Classifies what the driver and the server report. Only codes go on: the text of a server's error may quote the
 * statement, and with it a verifier, so it is neither forwarded nor kept as a cause.
 */
import { EngineFailure, type EngineFailureKind } from '@sikkerkey/core/rotation/ports.ts';

/** SQLSTATEs that our own DO blocks raise; the class SK is not used by PostgreSQL. */
export const ownStates = {
  newerEpoch: 'SK001',
  roleMissing: 'SK002',
  otherSecret: 'SK003',
  slotStillLogsIn: 'SK004',
  slotNameTaken: 'SK005',
  slotInUse: 'SK006',
  slotOwnsObjects: 'SK007',
  otherBackend: 'SK008',
} as const;

const namesOfOwnStates: Readonly<Record<string, readonly [EngineFailureKind, string]>> = {
  [ownStates.newerEpoch]: ['newer-epoch', 'newer-epoch'],
  [ownStates.roleMissing]: ['needs-person', 'role-missing'],
  [ownStates.otherSecret]: ['needs-person', 'managed-by-another-secret'],
  [ownStates.slotStillLogsIn]: ['needs-person', 'slot-still-logs-in'],
  [ownStates.slotNameTaken]: ['needs-person', 'slot-name-taken'],
  [ownStates.slotInUse]: ['transient', 'slot-in-use'],
  [ownStates.slotOwnsObjects]: ['needs-person', 'slot-owns-objects'],
  [ownStates.otherBackend]: ['needs-person', 'connected-through-pooler'],
};

/** States after which the session is gone, by class or whole: administrator's command, crash, connection exceptions. */
const lostStates = /^(08...|57P01|57P02|57P05)$/;
/** Resources, locks, serialization, catalogue races ("tuple concurrently updated" is XX000), a standby, start-up. */
const passingStates = /^(53...|55P03|57014|57P03|40...|58...|XX000|25006)$/;

const tlsCodes = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
]);

/** In which part of a connection's life the error came: before the first ReadyForQuery nothing of ours was sent. */
export type Phase = 'connect' | 'session';

/** The driver's error as an EngineFailure with its code. */
export function classify(error: unknown, phase: Phase): EngineFailure {
  if (error instanceof EngineFailure) return error;
  const code = codeOf(error);
  const own = namesOfOwnStates[code];
  if (own !== undefined) return new EngineFailure(own[0], own[1]);
  return new EngineFailure(kindOf(code, phase), code);
}

function kindOf(code: string, phase: Phase): EngineFailureKind {
  if (code.startsWith('tls-')) return 'needs-person';
  if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)) {
    if (lostStates.test(code)) return phase === 'connect' ? 'transient' : 'session-lost';
    return passingStates.test(code) ? 'transient' : 'needs-person';
  }
  return phase === 'connect' ? 'transient' : 'session-lost';
}

/** SQLSTATE, Node's code, or a name of ours where the driver has text only. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'driver-error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (tlsCodes.has(code)) return 'tls-certificate-untrusted';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'tls-name-mismatch';
  if (/^ERR_(SSL|OSSL|TLS|CRYPTO)/.test(code) || code === 'EPROTO') return 'tls-failed';
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(code)) return code;
  if (error.message === 'The server does not support SSL connections') return 'tls-not-supported';
  if (error.message === 'timeout expired') return 'connect-timeout';
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error.message.startsWith('SASL') ? 'sasl-refused' : 'connection-terminated';
}
