/**
 * What the rotation needs from the world. The daemon binds these to the journal file, the vault client and an engine;
 * the exhaustive test binds them to models. Every method has a deadline inside its implementation and honours the signal.
 */
import type { Claim, Credential, JournalRow, Receipt, Shape, Slot, Statement, VersionRef } from './types.ts';

/** Durable when resolved: the row is on disk (fsync) before any effect that it announces. Throws JournalUnavailable. */
export interface RotationJournal {
  read(secretId: string): Promise<JournalRow | null>;
  write(row: JournalRow): Promise<void>;
  /**
   * Removes the row and keeps the receipt, in one transaction; with it the server where that work is proven to be done,
   * null where it proves nothing.
   */
  finish(secretId: string, receipt: Receipt | null, confirmedServer: string | null): Promise<void>;
  /** The server of the last work that was done for this secret, or that a person accepted; null before the first. */
  knownServer(secretId: string): Promise<string | null>;
}

/** What only a person may ask of an agent. */
export type PersonsWord = 'overwrite-foreign-password' | 'recreate-slots' | 'accept-server' | 'accept-epoch' | 'give-up';

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  /** Nothing is pending, draining or asked for. */
  | { readonly kind: 'nothing' }
  /** Another agent holds the claim until then (milliseconds from now). */
  | { readonly kind: 'held'; readonly retryInMs: number }
  /** The vault has not given an epoch that this host was granted: it was restored from a backup. Nothing is granted. */
  | { readonly kind: 'behind' };

/** What a claim may say beside who asks. */
export interface ClaimWords {
  /** What a person said to this agent and the vault's audit log is to keep. */
  readonly word?: PersonsWord;
  /** With the word `accept-epoch`: what the granted epoch exceeds. */
  readonly aboveEpoch?: number;
  /** The highest epoch that this host was granted; told by the journal, not by who claims. */
  readonly knownEpoch?: number;
}

export type ConfirmOutcome =
  /** The version is live (now or already); drain follows for an overlapping strategy. */
  | { readonly kind: 'promoted' }
  | { readonly kind: 'stale-epoch' }
  /** The vault rejected or quarantined this version meanwhile: undo it. */
  | { readonly kind: 'rejected' }
  /** Promoted and retired long ago. */
  | { readonly kind: 'finished' };

export interface HoldOut {
  /**
   * Who still holds the old version: a reader known to the vault (a process, the command lines of a machine, its published
   * clients, or applications that do not use the vault yet), or a session seen in the database.
   */
  readonly kind: 'reader' | 'command-line' | 'published-client' | 'unnamed-reader' | 'session';
  readonly name: string;
  /** Processes, reads or sessions. */
  readonly count: number;
  /** Of reads that are counted, the last one; wall clock of the vault. */
  readonly lastReadAt?: number;
}

export type DrainOutcome =
  | { readonly kind: 'draining'; readonly holdOuts: readonly HoldOut[]; readonly deadlineInMs: number }
  | { readonly kind: 'clear' }
  | { readonly kind: 'deadline-passed' }
  | { readonly kind: 'over' };

/** The vault as one agent sees it. Every method throws VaultUnreachable when no answer came: ask again, never assume. */
export interface RotationVault {
  /** Once it is granted, no vault may ever grant this host the same epoch again, or a lower one. */
  claim(secretId: string, purpose: 'work' | 'repair', signal: AbortSignal, words?: ClaimWords): Promise<ClaimOutcome>;
  /**
   * The newest epoch that the vault has given, 0 for none. Asked on the fenced session, after the lock and before the look
   * (rule 1). Renews the lease of the claim where it is the own one.
   */
  newestEpoch(secretId: string, epoch: number, signal: AbortSignal): Promise<number>;
  confirm(secretId: string, rotationId: string, epoch: number, signal: AbortSignal): Promise<ConfirmOutcome>;
  reject(secretId: string, rotationId: string, epoch: number, code: string, signal: AbortSignal): Promise<'rejected' | 'over'>;
  drain(secretId: string, rotationId: string, epoch: number, signal: AbortSignal): Promise<DrainOutcome>;
  retired(secretId: string, rotationId: string, epoch: number, signal: AbortSignal): Promise<'retired' | 'over'>;
  /** Ends a claim for a repair or a probe. */
  release(secretId: string, epoch: number, signal: AbortSignal): Promise<void>;
}

/** The versions that a look asks about, with the credentials to compare. */
export interface Candidate extends VersionRef {
  readonly credential: Credential;
  /** Nobody but this rotation has it yet. */
  readonly isPending?: boolean;
}

/**
 * One connection that has written its epoch at this (server, login): older ones refuse themselves from then on (rule 1).
 * Throws EngineFailure; after one with kind `session-lost` nothing is known: open anew and look.
 */
export interface EngineSession {
  /** Null where it cannot be told which server this is: it is then neither the known one nor another. */
  readonly serverFingerprint: string | null;
  look(candidates: readonly Candidate[], signal: AbortSignal): Promise<Shape>;
  /** Executes one statement, which carries the epoch and refuses itself where a newer one has acted. */
  execute(statement: Statement, candidates: readonly Candidate[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export type VerifyOutcome =
  | { readonly kind: 'verified' }
  /** A random password was accepted: authentication is not enforced from here, nothing can be proven. */
  | { readonly kind: 'proves-nothing'; readonly code: string }
  /** The server's own "wrong password". */
  | { readonly kind: 'wrong-password' }
  /** The login works and cannot do what the application needs. */
  | { readonly kind: 'unfit'; readonly code: string }
  /** Not known yet: too many connections, name resolution, failover. */
  | { readonly kind: 'try-again'; readonly code: string };

/** One managed secret's database, behind the strategy in force. */
export interface RotationEngine {
  /**
   * Opens, ends every older session of ours, takes the lock. Where another server than the expected one answers it changes
   * nothing there and throws EngineFailure `different-server`; null expects none.
   */
  openSession(secretId: string, epoch: number, signal: AbortSignal, expectedServer: string | null): Promise<EngineSession>;
  /** Negative probe, then a fresh login to every declared node and pooler with the application's probe query. */
  verify(candidate: Candidate, signal: AbortSignal): Promise<VerifyOutcome>;
  /** Read-only look at the whole shape, without lock or session, for drift (rule 6). */
  observe(candidates: readonly Candidate[], signal: AbortSignal): Promise<Shape>;
  /** Sessions that still use this login and credential. Empty where the server does not show them. */
  sessionsOf(slot: Slot, signal: AbortSignal): Promise<readonly HoldOut[]>;
}

export type EngineFailureKind =
  /** The connection broke; a statement in flight may or may not have been executed, or may be executed later. */
  | 'session-lost'
  /** The server refused: a newer epoch has acted on this login. */
  | 'newer-epoch'
  /** Wrong administrator password, missing privilege, missing login: a person must act. */
  | 'needs-person'
  /** Will pass by itself: connection refused, too many clients, lock timeout. */
  | 'transient';

/** A driver's failure, classified; `code` is the server's or driver's code. Foreign text is never carried. */
export class EngineFailure extends Error {
  readonly kind: EngineFailureKind;
  readonly code: string;
  /** What the words of the code name; never a value, never foreign text. */
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    kind: EngineFailureKind,
    code: string,
    options?: { readonly cause?: unknown; readonly details?: Readonly<Record<string, string | number>> },
  ) {
    super(`${kind}: ${code}`, options);
    this.name = 'EngineFailure';
    this.kind = kind;
    this.code = code;
    this.details = options?.details ?? {};
  }
}

/** No answer from the vault: unreachable, sealed, or a temporary refusal (423, 429, 5xx). */
export class VaultUnreachable extends Error {
  readonly code: string;

  constructor(code: string, options?: { readonly cause?: unknown }) {
    super(code, options);
    this.name = 'VaultUnreachable';
    this.code = code;
  }
}

/** 403 or 404 from the vault: the state ACCESS_DENIED, looked at again slowly. */
export class VaultDenied extends Error {
  readonly code: string;

  constructor(code: string, options?: { readonly cause?: unknown }) {
    super(code, options);
    this.name = 'VaultDenied';
    this.code = code;
  }
}

/** Code of the failure when another server answers than the one that the journal names. */
export const differentServer = 'different-server';

/** Code of the rest when the database or the journal holds a newer epoch than the vault has given: no other agent's doing. */
export const epochAhead = 'epoch-ahead';

/** The journal cannot be written: nothing may be changed anywhere (C15). */
export class JournalUnavailable extends Error {
  readonly code: string;

  constructor(code: string, options?: { readonly cause?: unknown }) {
    super(code, options);
    this.name = 'JournalUnavailable';
    this.code = code;
  }
}

/** Named places between effects. Tests stop the process there; in production the call does nothing. */
export type Boundary =
  | 'claimed'
  | 'journalled-apply'
  | 'session-open'
  | 'epoch-checked'
  | 'looked'
  | 'before-statement'
  | 'after-statement'
  | 'before-verify'
  | 'verified'
  | 'journalled-confirm'
  | 'before-confirm'
  | 'confirmed'
  | 'journalled-drain'
  | 'draining'
  | 'journalled-retire'
  | 'before-retired'
  | 'retired'
  | 'journalled-undo'
  | 'rejected'
  | 'journalled-repair'
  | 'server-accepted'
  | 'finished';
