/** What the driver asks for and answers: its dependencies, its memory between two calls, and the outcomes. */
import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { AgentState, RotationFact } from '../facts.ts';
import type { Work } from '../machine/state.ts';
import type { Boundary, EngineFailure, HoldOut, RotationEngine, RotationJournal, RotationVault } from '../ports.ts';
import type { Standing } from '../quiet-look.ts';
import type { Receipt, Statement } from '../types.ts';

export interface DriveDeps {
  readonly journal: RotationJournal;
  readonly vault: RotationVault;
  readonly engine: RotationEngine;
  readonly clock: Clock;
  readonly random: Random;
  /** One for each daemon process and secret; what it holds lets a drain be taken up again without claiming anew. */
  readonly memory: RotationMemory;
  /** Called at each change of state; must not throw. */
  observe(fact: RotationFact): void;
  /** Called at each named place between effects; `host/failpoint.ts` in the daemon. */
  boundary(name: Boundary): void;
}

/** What one process remembers of one secret between two calls. Nothing that a crash may not take away. */
export interface RotationMemory {
  draining: DrainMemory | null;
  /** What the database fails with, as it was told last; null since it got on. */
  failing: DatabaseFailing | null;
}

export interface DatabaseFailing {
  readonly state: AgentState;
  readonly code: string;
  readonly details: EngineFailure['details'];
  readonly attempt: number;
}

export interface DrainMemory {
  readonly rotationId: string | null;
  readonly epoch: number;
  readonly work: Work;
  readonly checks: number;
  /** Monotonic milliseconds. */
  readonly lastProbeAt: number;
  /** Wall clock, for the receipt. */
  readonly startedAt: number;
  readonly statements: readonly Statement[];
}

export interface DriveRequest {
  /** Look for drift too, whether or not its period has come (`probeDrift`). */
  readonly probe?: boolean;
  /** With a probe: what the vault has just said. Where the database agrees and the journal is empty, nothing is claimed. */
  readonly standing?: Standing | null;
  /**
   * A person's word on QUARANTINED (C13): bring the vault's live version back although the database holds a password
   * that nobody here knows. Never set by a program.
   */
  readonly overwriteForeignPassword?: boolean;
  /** A person's word: this rotation is undone while it is pending. Without effect once it is promoted or over. */
  readonly giveUpRotationId?: string | null;
  /** A person's word on `different-server`: the server that answers now takes the place of the one in the journal. */
  readonly acceptServer?: boolean;
}

/** How one call ended, and when to call again. A trigger (event, run-now) may call earlier; that is always safe. */
export type WorkOutcome =
  /** Nothing to do; or (`retryInMs`) another agent holds the claim until then. */
  | { readonly kind: 'idle'; readonly retryInMs: number | null }
  /** The journal is empty again. Call once more at once: another rotation may have waited for this one. */
  | { readonly kind: 'finished'; readonly receipt: Receipt }
  /** Readers or sessions still hold the previous version. Call on `drain-clear`, else after `retryInMs`. */
  | {
      readonly kind: 'draining';
      readonly retryInMs: number;
      readonly holdOuts: readonly HoldOut[];
      /** Null when the vault is clear and only sessions in the database are waited for. */
      readonly deadlineInMs: number | null;
    }
  /**
   * Not possible now: the database is away, something needs a person, or the journal cannot be written. The row, where
   * there is one, stays and the next call goes on from it.
   */
  | { readonly kind: 'blocked'; readonly retryInMs: number; readonly state: AgentState; readonly errorCode: string }
  /** The vault answered 403 or 404 (ACCESS_DENIED). Look again slowly. */
  | { readonly kind: 'denied'; readonly retryInMs: number; readonly errorCode: string };
