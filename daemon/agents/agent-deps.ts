/** What one agent's worker needs from the daemon around it. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { DriveDeps, DriveRequest } from '@sikkerkey/core/rotation/drive.ts';
import type { Boundary, RotationJournal } from '@sikkerkey/core/rotation/ports.ts';
import type { Standing } from '@sikkerkey/core/rotation/quiet-look.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { ShownFailure } from './agent-failures.ts';
import type { EngineOfTarget } from './engine-catalogue.ts';
import type { AgentRegistry } from './registry.ts';

/** What a run needs, read anew when it has grown old or something changed. */
export interface PreparedAgent {
  readonly configuration: AgentConfiguration;
  readonly engine: EngineOfTarget;
  readonly drive: Pick<DriveDeps, 'vault' | 'journal'>;
  /** What a look for drift compares, where that was asked for and the vault could say so without a claim. */
  readonly standing: Standing | null;
  /** The epoch that the vault must exceed and does not, by reading alone; null where it does. Throws as a port does. */
  epochAhead(signal: AbortSignal): Promise<number | null>;
}

/** What a person asked for with a repair. */
export interface AskedRepair {
  readonly request: Pick<DriveRequest, 'overwriteForeignPassword' | 'acceptServer'>;
  /** Code of the rest that it is for, looked at first; null for one that is for every rest. */
  readonly fits: string | null;
  /** Done after that look and before the repair. */
  readonly prepare?: (prepared: PreparedAgent, signal: AbortSignal) => Promise<void>;
}

export interface AgentDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DaemonLog;
  /** Null while the host has no usable identity for the vault. */
  journal(): RotationJournal | null;
  /** Asks the vault, in one request, for the configuration (and the standing versions) and binds the engine. Throws what agent-failures.ts knows. */
  prepare(secretId: string, signal: AbortSignal, withStanding: boolean): Promise<PreparedAgent>;
  /** Milliseconds between looks for drift; grows with the number of agents. */
  probePeriodMs(): number;
  /** Until the first look for drift after a start. */
  firstProbeInMs(): number;
  /** Within which the first look at the vault is spread, so that a thousand agents do not start together. */
  firstLookWithinMs(): number;
  /** Milliseconds for which no new work may begin, because this host has just resumed from suspend (C16). */
  heldForMs(): number;
  show(fact: AgentFact): void;
  /** What outlives the process: a person's word, what is left to be settled, and the rest in which a person is needed. */
  readonly kept: Pick<AgentRegistry, 'keepRest' | 'givenUp' | 'isLeavingSlots'>;
  /** The state changed: the vault should hear it. */
  announce(): void;
  boundary(name: Boundary): void;
  /** With nothing in flight: does what an un-adoption left to do. Null when nothing is left. */
  settle(secretId: string, signal: AbortSignal): Promise<Unsettled | null>;
}

/** Why the last step of an un-adoption could not be done, and in how many milliseconds it is tried again. */
export interface Unsettled {
  readonly failure: ShownFailure;
  readonly retryInMs: number;
}
