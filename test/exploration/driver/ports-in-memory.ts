/**
 * Ports that live in memory and can be told to fail: a vault with the protocol's rules, a journal, and a database with
 * login roles. Small stand-ins for the driver's tests; the exhaustive search has its own, stricter world.
 */
import {
  type Boundary,
  type Candidate,
  type ClaimOutcome,
  type ConfirmOutcome,
  type DrainOutcome,
  differentServer,
  EngineFailure,
  type EngineSession,
  type HoldOut,
  type PersonsWord,
  type RotationEngine,
  type RotationJournal,
  type RotationVault,
  type VerifyOutcome,
} from '@sikkerkey/core/rotation/ports.ts';
import type { Credential, JournalRow, LoginShape, Receipt, Shape, Slot, Statement, VersionRef } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';

export const secretId = 'sk_test';

export function credentialOf({ version, slot }: VersionRef): Credential {
  return { username: `app_${slot}`, password: new SecretText(`password-of-version-${version}`) };
}

/** Throws what a test has put there, once for each entry, before the call does its work (or after, see `lostReplies`). */
export class Faults {
  readonly before = new Map<string, unknown[]>();
  readonly lostReplies = new Map<string, unknown[]>();

  fail(call: string, ...errors: readonly unknown[]): void {
    this.before.set(call, [...(this.before.get(call) ?? []), ...errors]);
  }

  loseReply(call: string, error: unknown): void {
    this.lostReplies.set(call, [...(this.lostReplies.get(call) ?? []), error]);
  }

  async around<T>(call: string, work: () => T): Promise<T> {
    const failure = this.before.get(call)?.shift();
    if (failure !== undefined) throw failure;
    const result = work();
    const lost = this.lostReplies.get(call)?.shift();
    if (lost !== undefined) throw lost;
    return result;
  }
}

export class MemoryJournal implements RotationJournal {
  row: JournalRow | null = null;
  server: string | null = null;
  readonly receipts: Receipt[] = [];
  readonly goals: string[] = [];
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  read(): Promise<JournalRow | null> {
    return this.#faults.around('journal.read', () => this.row);
  }

  write(row: JournalRow): Promise<void> {
    return this.#faults.around('journal.write', () => {
      this.row = row;
      this.goals.push(row.goal);
    });
  }

  knownServer(): Promise<string | null> {
    return this.#faults.around('journal.knownServer', () => this.server);
  }

  finish(_secretId: string, receipt: Receipt | null, confirmedServer: string | null): Promise<void> {
    return this.#faults.around('journal.finish', () => {
      this.row = null;
      this.server = confirmedServer ?? this.server;
      if (receipt !== null) this.receipts.push(receipt);
    });
  }
}

export class MemoryVault {
  live: VersionRef = { version: 1, slot: 'a' };
  pending: VersionRef | null = null;
  previous: VersionRef | null = null;
  ended: VersionRef[] = [];
  rotationId: string | null = null;
  rejectedId: string | null = null;
  epoch = 0;
  heldForMs: number | null = null;
  holdOuts: HoldOut[] = [];
  isDeadlinePassed = false;
  strategy: 'flip' | 'single' | 'retain' = 'flip';
  released = 0;
  readonly words: PersonsWord[] = [];
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  request(slot: Slot): void {
    const version = Math.max(this.live.version, ...this.ended.map((ref) => ref.version)) + 1;
    this.pending = { version, slot };
    this.rotationId = `rot_${version}`;
  }

  claim(id: string, purpose: 'work' | 'repair', word?: PersonsWord): Promise<ClaimOutcome> {
    return this.#faults.around('vault.claim', (): ClaimOutcome => {
      if (word !== undefined) this.words.push(word);
      if (this.heldForMs !== null) return { kind: 'held', retryInMs: this.heldForMs };
      const phase = this.pending !== null ? 'pending' : this.previous !== null ? 'promoted' : 'steady';
      if (phase === 'steady' && purpose === 'work') return { kind: 'nothing' };
      this.epoch += 1;
      const { live, pending, previous, epoch, strategy } = this;
      const retired = purpose === 'repair' || phase === 'promoted' ? this.ended : [];
      const versions = { live, pending, previous, retired };
      const refs = [live, pending, previous, ...retired].filter((ref) => ref !== null);
      const credentials = new Map(refs.map((ref) => [ref.version, credentialOf(ref)]));
      const rotationId = phase === 'steady' ? null : this.rotationId;
      return { kind: 'claimed', claim: { secretId: id, rotationId, epoch, strategy, phase, versions, credentials } };
    });
  }

  newestEpoch(): Promise<number> {
    return this.#faults.around('vault.newestEpoch', () => this.epoch);
  }

  confirm(_id: string, rotationId: string, epoch: number): Promise<ConfirmOutcome> {
    return this.#faults.around('vault.confirm', (): ConfirmOutcome => {
      if (epoch !== this.epoch) return { kind: 'stale-epoch' };
      if (rotationId === this.rejectedId) return { kind: 'rejected' };
      if (rotationId !== this.rotationId) return { kind: 'finished' };
      if (this.pending !== null) {
        this.previous = this.strategy === 'single' ? null : this.live;
        this.live = this.pending;
        this.pending = null;
        if (this.strategy === 'single') this.rotationId = null;
      }
      return { kind: 'promoted' };
    });
  }

  reject(_id: string, rotationId: string, epoch: number): Promise<'rejected' | 'over'> {
    return this.#faults.around('vault.reject', () => {
      if (epoch !== this.epoch || rotationId !== this.rotationId || this.pending === null) return 'over';
      this.ended.push(this.pending);
      this.cancel();
      return 'rejected';
    });
  }

  /** What an operator's cancellation does. */
  cancel(): void {
    this.rejectedId = this.rotationId;
    this.pending = null;
    this.rotationId = null;
  }

  drain(_id: string, rotationId: string, epoch: number): Promise<DrainOutcome> {
    return this.#faults.around('vault.drain', (): DrainOutcome => {
      if (epoch !== this.epoch || rotationId !== this.rotationId || this.previous === null) return { kind: 'over' };
      if (this.isDeadlinePassed) return { kind: 'deadline-passed' };
      if (this.holdOuts.length > 0) return { kind: 'draining', holdOuts: this.holdOuts, deadlineInMs: 60_000 };
      return { kind: 'clear' };
    });
  }

  reportRetired(rotationId: string, epoch: number): 'retired' | 'over' {
    if (epoch !== this.epoch || rotationId !== this.rotationId || this.previous === null) return 'over';
    this.ended.push(this.previous);
    this.previous = null;
    this.rotationId = null;
    return 'retired';
  }

  release(): Promise<void> {
    return this.#faults.around('vault.release', () => {
      this.released += 1;
    });
  }
}

interface Login {
  mayLogIn: boolean;
  password: string | null;
}

export class MemoryDatabase implements RotationEngine {
  readonly logins = new Map<Slot, Login>([
    ['a', { mayLogIn: true, password: 'password-of-version-1' }],
    ['b', { mayLogIn: false, password: null }],
  ]);
  readonly executed: Statement[] = [];
  verdicts: VerifyOutcome[] = [];
  sessions: HoldOut[] = [];
  /** Null: it cannot be told which server this is. */
  fingerprint: string | null = 'server-1';
  /** The newest epoch that acted. */
  mark = 0;
  openSessions = 0;
  /** Set to lose the session, with the statement executed or not. */
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  logsIn(version: number): boolean {
    return [...this.logins.values()].some((login) => login.mayLogIn && login.password === `password-of-version-${version}`);
  }

  openSession(_secretId: string, epoch: number, _signal: AbortSignal, expectedServer: string | null = null): Promise<EngineSession> {
    return this.#faults.around('engine.openSession', () => {
      if (expectedServer !== null && this.fingerprint !== null && expectedServer !== this.fingerprint)
        throw new EngineFailure('needs-person', differentServer);
      if (this.mark > epoch) throw new EngineFailure('newer-epoch', 'newer-epoch');
      this.mark = epoch;
      this.openSessions += 1;
      return {
        serverFingerprint: this.fingerprint,
        look: (candidates: readonly Candidate[]) => this.#faults.around('session.look', () => this.shape(candidates)),
        execute: (statement: Statement, candidates: readonly Candidate[]) =>
          this.#faults.around('session.execute', () => this.#execute(statement, candidates)),
        close: async () => {
          this.openSessions -= 1;
        },
      };
    });
  }

  verify(candidate: Candidate): Promise<VerifyOutcome> {
    return this.#faults.around('engine.verify', (): VerifyOutcome => {
      const verdict = this.verdicts.shift();
      if (verdict !== undefined) return verdict;
      return this.logsIn(candidate.version) ? { kind: 'verified' } : { kind: 'wrong-password' };
    });
  }

  observe(candidates: readonly Candidate[]): Promise<Shape> {
    return this.#faults.around('engine.observe', () => this.shape(candidates));
  }

  sessionsOf(): Promise<readonly HoldOut[]> {
    return this.#faults.around('engine.sessionsOf', () => this.sessions);
  }

  shape(candidates: readonly Candidate[]): Shape {
    const logins = [...this.logins].map(([slot, login]): LoginShape => {
      const accepts = candidates.filter((one) => one.slot === slot && one.credential.password.reveal() === login.password);
      const hasVerifier = login.password !== null;
      return {
        slot,
        exists: true,
        mayLogIn: login.mayLogIn,
        accepts: accepts.map((one) => one.version),
        hasVerifier,
        hasSecondPassword: false,
      };
    });
    return { logins };
  }

  #execute(statement: Statement, candidates: readonly Candidate[]): void {
    this.executed.push(statement);
    if (statement.kind === 'disable') this.logins.set(statement.slot, { mayLogIn: false, password: null });
    if (statement.kind !== 'enable' && statement.kind !== 'set') return;
    const candidate = candidates.find(({ version }) => version === statement.version);
    if (candidate === undefined) throw new Error('no credential for the statement');
    this.logins.set(candidate.slot, { mayLogIn: true, password: candidate.credential.password.reveal() });
  }
}

export interface World {
  readonly faults: Faults;
  readonly journal: MemoryJournal;
  readonly vault: RotationVault;
  readonly vaultState: MemoryVault;
  readonly database: MemoryDatabase;
  readonly boundaries: Boundary[];
}

export function makeWorld(): World {
  const faults = new Faults();
  const vaultState = new MemoryVault(faults);
  const vault: RotationVault = {
    claim: (id, purpose, _signal, words) => vaultState.claim(id, purpose, words?.word),
    newestEpoch: () => vaultState.newestEpoch(),
    confirm: (id, rotationId, epoch) => vaultState.confirm(id, rotationId, epoch),
    reject: (id, rotationId, epoch) => vaultState.reject(id, rotationId, epoch),
    drain: (id, rotationId, epoch) => vaultState.drain(id, rotationId, epoch),
    retired: (_id, rotationId, epoch) => faults.around('vault.retired', () => vaultState.reportRetired(rotationId, epoch)),
    release: () => vaultState.release(),
  };
  return { faults, journal: new MemoryJournal(faults), vault, vaultState, database: new MemoryDatabase(faults), boundaries: [] };
}
