/**
 * The vocabulary of the machine: where an agent is with one secret, what it waits for, and what may happen. The state
 * alone says which one effect is outstanding, so that a driver and an exhaustive search execute the same machine.
 * No credential is ever in it.
 */
import type { AgentState } from '../facts.ts';
import type { ConfirmOutcome, DrainOutcome, EngineFailure, EngineFailureKind, HoldOut, VerifyOutcome } from '../ports.ts';
import type { SessionGoal } from '../strategies/strategy.ts';
import type { Claim, Goal, JournalRow, Receipt, Shape, Slot, Statement, Strategy, Versions } from '../types.ts';

/** A journal row without its secrets and its address, and what this process alone remembers. */
export interface Work {
  readonly rotationId: string | null;
  readonly epoch: number;
  readonly strategy: Strategy;
  readonly goal: Goal;
  readonly versions: Versions;
  /** Fresh logins with the pending version that the server refused as wrong; forgotten by a restart. */
  readonly refusedLogins: number;
  /** Why the pending version is being undone; forgotten by a restart. */
  readonly undoCode: string | null;
  /** What the last look while draining found that only a person changes; forgotten by a restart. */
  readonly drainCode: string | null;
}

/** A claim as the machine sees it. */
export type Grant = Pick<Claim, 'rotationId' | 'epoch' | 'strategy' | 'phase' | 'versions'>;
export type Row = Pick<JournalRow, 'rotationId' | 'epoch' | 'strategy' | 'goal' | 'versions'>;

/** What a person or a timer asked for with this call. */
export interface Wish {
  readonly probe: boolean;
  readonly overwriteForeignPassword: boolean;
  /** A person's word: this rotation is undone while it is pending. Null otherwise. */
  readonly giveUpRotationId: string | null;
  /** The claim brought the ended versions, by which a restored backup is told from a stranger's password. */
  readonly knowsEnded: boolean;
}

export type Rest =
  | { readonly kind: 'idle'; readonly retryInMs: number | null }
  | { readonly kind: 'finished'; readonly outcome: Receipt['outcome'] }
  | {
      readonly kind: 'draining';
      readonly holdOuts: readonly HoldOut[];
      readonly deadlineInMs: number | null;
      /** What a person should know meanwhile. */
      readonly code: string | null;
    }
  | { readonly kind: 'blocked'; readonly state: AgentState; readonly code: string }
  | { readonly kind: 'denied'; readonly code: string };

/** A drain answer under which the shape is looked at before anything follows from it. */
export type DrainAnswer = Extract<DrainOutcome, { readonly kind: 'draining' | 'clear' }>;
export type SessionWork = Work & { readonly goal: SessionGoal };

export type State =
  /** Asks the vault for the claim; with a row, for a fresh epoch to resume it under. */
  | { readonly at: 'claiming'; readonly purpose: 'work' | 'repair'; readonly row: Row | null; readonly wish: Wish }
  /** Puts the row on disk; the goal of the work says what follows. */
  | { readonly at: 'journalling'; readonly work: Work; readonly wish: Wish }
  /** Under a claim for nothing in particular: looks for drift without a session. */
  | { readonly at: 'probing'; readonly work: Work; readonly wish: Wish }
  /** Opens the session that ends all older ones and holds the lock (rule 1). */
  | { readonly at: 'opening'; readonly work: SessionWork; readonly wish: Wish }
  /** On the session: is our epoch still the newest? */
  | { readonly at: 'asking'; readonly work: SessionWork; readonly wish: Wish }
  /**
   * A newer epoch in the database, or the vault's word that the work is over, says that ours has passed. Has the vault given
   * a newer one? Asked without a session; `outcome` is how the work ended if so.
   */
  | {
      readonly at: 'refused';
      readonly work: Work;
      readonly by: 'database' | 'vault';
      readonly outcome: Receipt['outcome'];
      readonly wish: Wish;
    }
  | { readonly at: 'looking'; readonly work: SessionWork; readonly wish: Wish }
  | { readonly at: 'executing'; readonly work: SessionWork; readonly statements: readonly Statement[]; readonly wish: Wish }
  | { readonly at: 'verifying'; readonly work: Work; readonly wish: Wish }
  | { readonly at: 'confirming'; readonly work: Work; readonly wish: Wish }
  /** Asks the vault who still holds the version before. */
  | { readonly at: 'draining'; readonly work: Work; readonly wish: Wish }
  /** Looks for drift in the middle of a drain, and before sessions are waited for (rule 6). */
  | { readonly at: 'probing-drain'; readonly work: Work; readonly answer: DrainAnswer; readonly wish: Wish }
  /** Nobody holds it by the vault's word: does a session in the database? */
  | { readonly at: 'counting-sessions'; readonly work: Work; readonly slot: Slot; readonly wish: Wish }
  | { readonly at: 'rejecting'; readonly work: Work; readonly wish: Wish }
  | { readonly at: 'reporting-retired'; readonly work: Work; readonly wish: Wish }
  /** Takes the row out of the journal, then goes on with what was claimed meanwhile, releases, or rests. */
  | {
      readonly at: 'finishing';
      readonly work: Row;
      readonly outcome: Receipt['outcome'];
      readonly afterwards: AfterFinish;
      readonly wish: Wish;
    }
  | { readonly at: 'releasing'; readonly epoch: number; readonly rest: Rest }
  /** No effect outstanding. With a row on disk the work goes on from there; `work` is there while the drain is ours. */
  | { readonly at: 'resting'; readonly rest: Rest; readonly work: Work | null };

export type AfterFinish =
  | { readonly kind: 'rest' }
  | { readonly kind: 'release' }
  | { readonly kind: 'probe' }
  | { readonly kind: 'wait'; readonly retryInMs: number }
  | { readonly kind: 'take'; readonly grant: Grant };

export type Effect =
  | { readonly kind: 'claim'; readonly purpose: 'work' | 'repair' }
  | { readonly kind: 'write-row'; readonly work: Work }
  | { readonly kind: 'finish-row'; readonly outcome: Receipt['outcome'] }
  | { readonly kind: 'open-session'; readonly epoch: number }
  | { readonly kind: 'ask-epoch'; readonly epoch: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'execute'; readonly statement: Statement }
  | { readonly kind: 'verify' }
  | { readonly kind: 'confirm'; readonly rotationId: string; readonly epoch: number }
  | { readonly kind: 'drain'; readonly rotationId: string; readonly epoch: number }
  | { readonly kind: 'observe' }
  | { readonly kind: 'count-sessions'; readonly slot: Slot }
  | { readonly kind: 'reject'; readonly rotationId: string; readonly epoch: number; readonly code: string }
  | { readonly kind: 'report-retired'; readonly rotationId: string; readonly epoch: number }
  | { readonly kind: 'release'; readonly epoch: number };

/** How the outstanding effect ended. */
export type Event =
  /** `recognised`: versions that only the row knew, of which the claim brings the values under numbers of the vault. */
  | { readonly kind: 'claimed'; readonly grant: Grant; readonly recognised?: readonly number[] }
  | { readonly kind: 'nothing-to-claim' }
  | { readonly kind: 'vault-behind' }
  | { readonly kind: 'held-by-another'; readonly retryInMs: number }
  | { readonly kind: 'row-written' }
  | { readonly kind: 'row-finished' }
  | { readonly kind: 'session-open' }
  | { readonly kind: 'epoch-answered'; readonly newestEpoch: number }
  | { readonly kind: 'looked'; readonly shape: Shape }
  | { readonly kind: 'executed' }
  | { readonly kind: 'verify-answered'; readonly outcome: VerifyOutcome }
  | { readonly kind: 'confirm-answered'; readonly outcome: ConfirmOutcome }
  | { readonly kind: 'drain-answered'; readonly outcome: DrainOutcome }
  | { readonly kind: 'observed'; readonly shape: Shape }
  | { readonly kind: 'sessions-counted'; readonly holdOuts: readonly HoldOut[] }
  | { readonly kind: 'reject-answered'; readonly outcome: 'rejected' | 'over' }
  | { readonly kind: 'retired-answered'; readonly outcome: 'retired' | 'over' }
  | { readonly kind: 'released' }
  | { readonly kind: 'vault-unreachable' }
  | { readonly kind: 'vault-denied'; readonly code: string }
  | {
      readonly kind: 'engine-failed';
      readonly failure: EngineFailureKind;
      readonly code: string;
      readonly details?: EngineFailure['details'];
    }
  | { readonly kind: 'journal-unavailable'; readonly code: string };

/** What ends the statement of a state that an event cannot happen in: a defect of the driver, never of the world. */
export function impossible(state: State, event: Event): never {
  throw new Error(`${event.kind} cannot happen while ${state.at}`);
}
