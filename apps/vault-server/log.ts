/**
 * The vault's log: JSON lines on standard error. A line is an event name and fields of this list; nothing else
 * compiles, so no value, no text of a person, a driver or a client can reach it by accident.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { destination, pino, stdTimeFunctions } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Every field that a line may carry. Identifiers, numbers and codes only. */
export interface LogFields {
  readonly vaultId?: string;
  readonly machineId?: string;
  readonly operatorId?: string;
  readonly secretId?: string;
  readonly projectId?: string;
  readonly rotationId?: string;
  readonly address?: string;
  readonly method?: string;
  /** The route's pattern, not the path that was asked for. */
  readonly route?: string;
  readonly status?: number;
  readonly durationMs?: number;
  readonly count?: number;
  readonly port?: number;
  readonly code?: string;
  readonly reference?: string;
  readonly version?: string;
  readonly apiUrl?: string;
  /** Times of the wall clock, as ISO 8601 writes them. */
  readonly from?: string;
  readonly until?: string;
}

export interface VaultLog {
  readonly debugging: boolean;
  write(level: LogLevel, event: VaultLogEvent, fields?: LogFields): void;
  /** An unexpected failure: name, system code and stack frames, never the message, which may quote input. */
  failure(event: VaultLogEvent, error: unknown, fields?: LogFields): void;
}

/** The log of a process, which ends with it. */
export interface ProcessLog extends VaultLog {
  /** Resolves when everything is written, or cannot be within `patienceMs`: the rest is then dropped. */
  end(clock: Clock, patienceMs: number): Promise<void>;
}

export type VaultLogEvent =
  | 'vault.started'
  | 'vault.stopped'
  | 'vault.unsealed'
  | 'vault.sealed'
  | 'vault.core-dumps-possible'
  | 'control.failed'
  | 'request.answered'
  | 'request.failed'
  | 'address.locked-out'
  | 'stream.closed'
  | 'stream.failed'
  | 'operator.acted'
  | 'machine.enrolled'
  | 'drain.extended'
  | 'rotation.offered'
  | 'rotation.changed'
  | 'audit.checkpoint-failed'
  | 'store.failed'
  | 'store.recovered'
  | 'clock.went-back'
  | 'clock.will-refuse'
  | 'clock.reader-refused'
  | 'schedule.failed';

/** Bytes kept for a reader that does not read; what comes beyond is dropped, since nobody may stop the vault by not reading. */
const keptBytes = 4 * 1_048_576;

/** Wants a standard error that does not block (`Terminal.neverWaitForReaders`): a write that hangs would hold the process at its end. */
export function createLog(level: LogLevel): ProcessLog {
  const output = destination({ fd: 2, sync: false, maxLength: keptBytes });
  // The reader of the log may go away; the vault does not go with it.
  output.on('error', () => undefined);
  const lines = pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, output);
  return {
    debugging: level === 'debug',
    write: (at, event, fields = {}) => lines[at]({ event, ...fields }),
    end: async (clock, patienceMs) => {
      const written = new Promise<void>((resolve) => {
        output.once('close', () => resolve());
        output.once('error', () => resolve());
        output.end();
      });
      const patience = new AbortController();
      await Promise.race([written, clock.sleep(patienceMs, patience.signal).catch(() => undefined)]);
      patience.abort();
      // What is left would be written again and again while the process exits.
      output.destroy();
    },
    failure: (event, error, fields = {}) => lines.error({ event, ...fields, failure: describeFailure(error) }),
  };
}

function describeFailure(error: unknown): { readonly name: string; readonly code?: string; readonly frames: readonly string[] } {
  if (!(error instanceof Error)) return { name: typeof error, frames: [] };
  const code: unknown = Reflect.get(error, 'code');
  const frames = (error.stack ?? '').split('\n').flatMap((line) => /^\s+at .{1,200}/.exec(line)?.[0].trim() ?? []);
  return { name: error.name, ...(typeof code === 'string' ? { code } : {}), frames: frames.slice(0, 8) };
}
