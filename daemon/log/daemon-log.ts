/**
 * The daemon's log: an event's name and facts from a closed list. What is not listed here does not compile, so that
 * neither a value of a secret nor text of a server or driver can be written by accident. Source: style.md, Logs.
 */
import type { Random } from '@sikkerkey/core/random.ts';
import pino from 'pino';

/** Everything that a log line may say beside its event. Codes, ids, counts and durations only. */
export interface LogFields {
  readonly vaultId?: string;
  readonly secretId?: string;
  readonly rotationId?: string | null;
  readonly state?: string;
  readonly from?: string;
  readonly version?: number | null;
  readonly epoch?: number | null;
  readonly errorCode?: string | null;
  readonly reason?: string;
  readonly outcome?: string;
  readonly attempt?: number;
  readonly count?: number;
  readonly durationMs?: number;
  readonly retryInMs?: number | null;
  readonly pid?: number;
  readonly daemonVersion?: string;
  readonly protocol?: string;
}

export interface DaemonLog {
  error(event: string, fields: LogFields): void;
  warn(event: string, fields: LogFields): void;
  info(event: string, fields: LogFields): void;
  /** Logs the kind and place of a failure nobody expected, without its message, and returns the line's reference. */
  unexpected(event: string, error: unknown): string;
}

export function createDaemonLog(
  random: Random,
  destination: pino.DestinationStream,
  level: 'info' | 'warn' | 'silent' = 'info',
): DaemonLog {
  const logger = pino({ base: null, level, messageKey: 'event', timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    error: (event, fields) => logger.error(fields, event),
    warn: (event, fields) => logger.warn(fields, event),
    info: (event, fields) => logger.info(fields, event),
    unexpected: (event, error) => {
      const reference = Buffer.from(random.bytes(4)).toString('hex');
      logger.error({ reference, ...describe(error) }, event);
      return reference;
    },
  };
}

/** Where it happened, never what it said: messages of drivers and parsers quote what they were given. */
function describe(error: unknown): { readonly kind: string; readonly code: string | null; readonly frames: readonly string[] } {
  if (!(error instanceof Error)) return { kind: typeof error, code: null, frames: [] };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const code = 'code' in error && typeof error.code === 'string' ? error.code.slice(0, 64) : null;
  return { kind: error.name, code, frames: frames.slice(0, 8).map((line) => line.trim()) };
}
