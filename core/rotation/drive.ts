/**
 * The driver: executes the effects of the pure state machine, one at a time, over the ports. One call takes one piece of
 * work as far as it goes without waiting for readers: it resumes a journal row, or claims what the vault has.
 */
import type { DriveDeps, DriveRequest, RotationMemory, WorkOutcome } from './driver/contract.ts';
import type { KeptWork } from './driver/execution.ts';
import { pauseWhileBlocked } from './driver/pauses.ts';
import { Run } from './driver/run.ts';
import type { RotationFact } from './facts.ts';
import { JournalUnavailable } from './ports.ts';
import { isAsTold, type Standing } from './quiet-look.ts';

export type { DrainMemory, DriveDeps, DriveRequest, RotationMemory, WorkOutcome } from './driver/contract.ts';

export function createRotationMemory(): RotationMemory {
  return { draining: null, failing: null };
}

/**
 * Resumes the secret's journal row, or claims pending work. Calls for one secret must not overlap. While the vault gives
 * no answer it asks again with backoff, for ever; a database that gives none ends the call as `blocked` after a while.
 * Rejects with the signal's reason when aborted (the row stays, the next call goes on), and with whatever a port throws
 * beside its declared failures.
 */
export async function driveRotation(
  deps: DriveDeps,
  secretId: string,
  signal: AbortSignal,
  request: DriveRequest = {},
): Promise<WorkOutcome> {
  const kept = await readKept(deps, secretId);
  if (kept instanceof JournalUnavailable) return journalUnavailable(deps, secretId, kept);
  const standing = kept.row === null && request.probe === true ? (request.standing ?? null) : null;
  if (standing !== null && (await isAsTold(deps.engine, standing, signal))) return asTold(deps, secretId, standing);
  return await new Run(deps, secretId, kept, request, signal).toRest();
}

/**
 * Looks at the whole shape of the database (rule 6), also while draining, and repairs it under a claim where it differs
 * from what the vault says. With a journal row, or work at the vault, it does that work. Same outcomes as `driveRotation`.
 */
export function probeDrift(deps: DriveDeps, secretId: string, signal: AbortSignal): Promise<WorkOutcome> {
  return driveRotation(deps, secretId, signal, { probe: true });
}

async function readKept({ journal }: DriveDeps, secretId: string): Promise<KeptWork | JournalUnavailable> {
  try {
    return { row: await journal.read(secretId), knownServer: await journal.knownServer(secretId) };
  } catch (error) {
    if (error instanceof JournalUnavailable) return error;
    throw error;
  }
}

function asTold(deps: DriveDeps, secretId: string, { strategy, versions }: Standing): WorkOutcome {
  deps.observe({ ...restFact(secretId), state: 'IDLE', strategy, version: versions.live.version });
  return { kind: 'idle', retryInMs: null };
}

/** C15: without the journal nothing is changed anywhere, and nothing is claimed. */
function journalUnavailable(deps: DriveDeps, secretId: string, error: JournalUnavailable): WorkOutcome {
  const rest = { kind: 'blocked', state: 'JOURNAL_UNAVAILABLE', code: error.code } as const;
  deps.observe({ ...restFact(secretId), state: rest.state, errorCode: error.code });
  return { kind: 'blocked', retryInMs: pauseWhileBlocked(rest, deps.random), state: rest.state, errorCode: error.code };
}

function restFact(secretId: string): Omit<RotationFact, 'state'> {
  const nothing = { rotationId: null, strategy: null, version: null, epoch: null, drainDeadlineInMs: null, errorCode: null };
  return { secretId, isRest: true, ...nothing, holdOuts: [], attempt: 0 };
}
