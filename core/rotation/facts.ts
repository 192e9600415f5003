/** What an agent tells the world about its work: facts without values, for heartbeats, the local API and logs. */
import type { HoldOut } from './ports.ts';
import type { Strategy } from './types.ts';

/** The states of rotation.md §3.3 as an agent shows them. */
export type AgentState =
  | 'IDLE'
  | 'RECEIVED'
  | 'PREFLIGHT'
  | 'SEALED'
  | 'APPLYING'
  | 'APPLIED'
  | 'VERIFIED'
  | 'CONFIRMING'
  | 'PROMOTED'
  | 'DRAINING'
  | 'RETIRED'
  | 'WAITING_FOR_DRAIN'
  | 'REJECTED'
  | 'ROLLED_BACK'
  | 'SPLIT'
  | 'DRIFT'
  | 'QUARANTINED'
  | 'ACCESS_DENIED'
  | 'JOURNAL_UNAVAILABLE'
  | 'DATABASE_UNREACHABLE'
  | 'VAULT_UNREACHABLE'
  | 'STOPPED';

export interface RotationFact {
  readonly secretId: string;
  readonly rotationId: string | null;
  readonly state: AgentState;
  /** The driver stops here for now: what it found, not what it is doing. */
  readonly isRest: boolean;
  readonly strategy: Strategy | null;
  /** Version that is live as far as the agent knows. */
  readonly version: number | null;
  readonly epoch: number | null;
  readonly holdOuts: readonly HoldOut[];
  readonly drainDeadlineInMs: number | null;
  /** A code of the error catalogue or of the database server; null when all is well. */
  readonly errorCode: string | null;
  /** What the words of the code name. */
  readonly errorDetails?: Readonly<Record<string, string | number>>;
  readonly attempt: number;
}
