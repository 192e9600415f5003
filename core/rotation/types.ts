/**
 * The vocabulary of a rotation, shared by the state machine, its driver, the engines and the journal. Facts only; what
 * follows from them is decided in this folder's other files. Source: rotation-protocol.md, rotation.md §3.
 */
import type { SecretText } from '../secret-text.ts';

/**
 * How two credentials overlap. `flip`: two login roles of one owner take turns (PostgreSQL). `retain`: one login with a
 * second password (MySQL semantics; today the model engine's). `single`: one login, in place, no overlap.
 */
export type Strategy = 'flip' | 'single' | 'retain';

/** Which login of the secret. `owner` is the login that was adopted; `a` and `b` are the two that take turns. */
export type Slot = 'owner' | 'a' | 'b';

/** A version of a managed secret and the login that carries it. */
export interface VersionRef {
  readonly version: number;
  readonly slot: Slot;
}

/** The versions that a piece of work is about. Outside a rotation only `live` is there. */
export interface Versions {
  readonly live: VersionRef;
  /** Being brought in; null once promoted (it is `live` then). */
  readonly pending: VersionRef | null;
  /** Draining: readers may still hold it. */
  readonly previous: VersionRef | null;
  /**
   * Ended versions that the vault still keeps (rule 7) and whose credentials came with the claim. A database that accepts
   * one of them was restored from a backup; one that accepts nothing known was changed by a stranger (C12, C13). Those
   * numbered below zero, which no vault gives, the vault has forgotten: only this host knows them.
   */
  readonly retired?: readonly VersionRef[];
}

/** What a journal row wants to reach; after a crash the work goes on from here, always looking first. */
export type Goal = 'apply' | 'confirm' | 'drain' | 'retire' | 'undo' | 'repair' | 'repair-while-draining';

export interface Credential {
  readonly username: string;
  readonly password: SecretText;
}

/** The vault's grant to work on a secret. The epoch rises per secret and never starts again (rule 2). */
export interface Claim {
  readonly secretId: string;
  /** Null for a repair outside a rotation. */
  readonly rotationId: string | null;
  readonly epoch: number;
  readonly strategy: Strategy;
  /** `pending`: to be applied · `promoted`: to be drained and retired · `steady`: nothing in flight (probe, repair). */
  readonly phase: 'pending' | 'promoted' | 'steady';
  readonly versions: Versions;
  /** Credentials of the versions named in `versions`, keyed by version number. */
  readonly credentials: ReadonlyMap<number, Credential>;
}

/** What a look at the database found for one login. */
export interface LoginShape {
  readonly slot: Slot;
  readonly exists: boolean;
  readonly mayLogIn: boolean;
  /** Of the versions asked about, those whose password this login accepts (also when it may not log in). */
  readonly accepts: readonly number[];
  /** False when it is known that no verifier is stored. */
  readonly hasVerifier: boolean;
  /** `retain` only: a second password is there. It says nothing about which one it is (rule 5). */
  readonly hasSecondPassword: boolean;
}

export interface Shape {
  readonly logins: readonly LoginShape[];
}

/**
 * What a plan may ask an engine to do, each one atomic in the database. `repeatable` statements may be sent again
 * without looking; the others never are.
 */
export type Statement =
  | { readonly kind: 'enable'; readonly slot: Slot; readonly version: number }
  | { readonly kind: 'disable'; readonly slot: Slot }
  | { readonly kind: 'set'; readonly version: number }
  | { readonly kind: 'set-retaining'; readonly version: number }
  | { readonly kind: 'discard' };

/** One row for each secret with work in flight; on disk before each effect, so that nothing is ever forgotten. */
export interface JournalRow {
  readonly secretId: string;
  readonly rotationId: string | null;
  readonly epoch: number;
  readonly strategy: Strategy;
  readonly goal: Goal;
  readonly versions: Versions;
  /** Sealed by the journal with a key that it does not hold. */
  readonly credentials: ReadonlyMap<number, Credential>;
  /** Server identity at the first look (system identifier, version): a different server is never touched. */
  readonly serverFingerprint: string | null;
}

/** How a piece of work ended; kept as the receipt. */
export interface Receipt {
  readonly secretId: string;
  readonly rotationId: string | null;
  readonly outcome: 'rotated' | 'rejected' | 'repaired' | 'superseded';
  readonly epoch: number;
  readonly statements: readonly Statement[];
  readonly startedAt: number;
  readonly endedAt: number;
}
