/**
 * From a home directory to a typed client: look at the socket, connect, say hello; in user mode start the daemon when
 * none is there, and wait a few seconds for it. Every failure is a code of the catalogue.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { DaemonConnection, Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import { type DaemonClient, openDaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { inspectSocket } from './check-socket.ts';
import { connectSocket } from './socket-connection.ts';

/** How the daemon is started where it is not running; the arguments go before `--home DIR`. */
export interface DaemonProgram {
  readonly file: string;
  readonly args: readonly string[];
}

export interface ConnectParts {
  /** `socketDirectory`, `socket` and `base` of host/home.ts. */
  readonly home: { readonly base: string; readonly socketDirectory: string; readonly socket: string };
  readonly clock: Timekeeper;
  readonly newIdempotencyKey: () => string;
  readonly clientName: string;
  readonly clientVersion: string;
  /** Finds the program when it is needed. Null: never start it. */
  readonly startOnDemand: (() => DaemonProgram) | null;
  /** Told once when the daemon has to be started, so that a person knows what the wait is for. */
  readonly onStarting?: () => void;
}

const connectTimeoutMs = 2000;
/** A cold start from source on a slow disk takes seconds; more than this is a fault. */
const startTimeoutMs = 15_000;
const startPollMs = 25;
const raceGraceMs = 2000;

/**
 * Throws CatalogueError: `daemon-not-running`, `daemon-unreachable`, `socket-not-private`, `socket-access-denied`,
 * `daemon-start-failed`; and DaemonError when hello is refused.
 */
export async function connectToDaemon(parts: ConnectParts): Promise<DaemonClient> {
  const connection = (await tryConnect(parts)) ?? (await startAndConnect(parts));
  return openDaemonClient({
    connection,
    clock: parts.clock,
    newIdempotencyKey: parts.newIdempotencyKey,
    clientName: parts.clientName,
    clientVersion: parts.clientVersion,
  });
}

/** Null where no daemon listens: no socket, or one that a dead daemon left. */
async function tryConnect({ home }: ConnectParts): Promise<DaemonConnection | null> {
  let finding: ReturnType<typeof inspectSocket>;
  try {
    finding = inspectSocket(home.socketDirectory, home.socket, process.getuid?.() ?? 0);
  } catch (cause) {
    if (systemCode(cause) === 'EACCES') throw new CatalogueError('socket-access-denied', { path: home.socketDirectory }, { cause });
    throw new CatalogueError('daemon-unreachable', { socket: home.socket, reason: systemCode(cause) }, { cause });
  }
  if (finding.kind === 'missing') return null;
  if (finding.kind === 'unsafe') throw new CatalogueError('socket-not-private', { path: finding.path, why: finding.why });
  try {
    return await connectSocket(home.socket, connectTimeoutMs);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return null;
    if (code === 'EACCES') throw new CatalogueError('socket-access-denied', { path: home.socket }, { cause });
    throw new CatalogueError('daemon-unreachable', { socket: home.socket, reason: code }, { cause });
  }
}

async function startAndConnect(parts: ConnectParts): Promise<DaemonConnection> {
  const { home, startOnDemand } = parts;
  if (startOnDemand === null) throw new CatalogueError('daemon-not-running', { socket: home.socket });
  const program = startOnDemand();
  parts.onStarting?.();
  const { startDetached } = await import('@sikkerkey/host/detached-program.ts');
  const started = await startDetached(program.file, [...program.args, '--home', home.base], {}).catch((cause: unknown) => {
    throw new CatalogueError('daemon-start-failed', { reason: systemCode(cause), home: home.base }, { cause });
  });
  try {
    return await waitForSocket(parts, () => started.exitCode());
  } finally {
    started.release();
  }
}

async function waitForSocket(parts: ConnectParts, exitCode: () => number | null | undefined): Promise<DaemonConnection> {
  const { clock, home } = parts;
  let deadline = clock.monotonic() + startTimeoutMs;
  let ended = false;
  while (clock.monotonic() < deadline) {
    await clock.sleep(startPollMs);
    const connection = await tryConnect(parts);
    if (connection !== null) return connection;
    if (!ended && exitCode() !== undefined) {
      // It may have given way to one that another command started at the same moment: that one needs a little longer.
      ended = true;
      deadline = Math.min(deadline, clock.monotonic() + raceGraceMs);
    }
  }
  const reason = ended ? `it ended with code ${exitCode() ?? 'none'}` : 'it did not listen in time';
  throw new CatalogueError('daemon-start-failed', { reason, home: home.base });
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
