/**
 * Executes one effect of the machine through the ports and says how it ended. It owns what the machine never sees: the
 * credentials, the session, and the identity of the server. Declared failures become events, all others are thrown.
 */

import type { Effect, Event, Work } from '../machine/state.ts';
import {
  type Boundary,
  type Candidate,
  differentServer,
  EngineFailure,
  type EngineSession,
  JournalUnavailable,
  type PersonsWord,
  type RotationEngine,
  type RotationJournal,
  type RotationVault,
  VaultDenied,
  VaultUnreachable,
} from '../ports.ts';
import { candidatesOf } from '../strategies/strategy.ts';
import type { Credential, Goal, JournalRow, Receipt, Statement } from '../types.ts';
import type { DriveRequest } from './contract.ts';

export interface ExecutionDeps {
  readonly journal: RotationJournal;
  readonly vault: RotationVault;
  readonly engine: RotationEngine;
  boundary(name: Boundary): void;
}

/** What the journal has of this secret. */
export interface KeptWork {
  readonly row: JournalRow | null;
  readonly knownServer: string | null;
}

const journalledBoundary: Readonly<Record<Goal, Boundary>> = {
  apply: 'journalled-apply',
  confirm: 'journalled-confirm',
  drain: 'journalled-drain',
  retire: 'journalled-retire',
  undo: 'journalled-undo',
  repair: 'journalled-repair',
  'repair-while-draining': 'journalled-repair',
};

export class Execution {
  readonly #deps: ExecutionDeps;
  readonly #secretId: string;
  readonly #signal: AbortSignal;
  readonly #word: PersonsWord | null;
  readonly #statements: Statement[];
  #credentials: ReadonlyMap<number, Credential>;
  #knownServer: string | null;
  #fingerprint: string | null;
  #hasAcceptedServer = false;
  #session: EngineSession | null = null;

  constructor(
    deps: ExecutionDeps,
    secretId: string,
    { row, knownServer, statements }: KeptWork & { readonly statements: readonly Statement[] },
    request: DriveRequest,
    signal: AbortSignal,
  ) {
    this.#deps = deps;
    this.#secretId = secretId;
    this.#signal = signal;
    this.#word = wordOf(request);
    this.#statements = [...statements];
    this.#credentials = row?.credentials ?? new Map();
    this.#knownServer = knownServer;
    this.#fingerprint = row?.serverFingerprint ?? knownServer;
  }

  /** What has been executed for this piece of work, for the receipt. */
  get statements(): readonly Statement[] {
    return this.#statements;
  }

  /** `work` is what the state is about; null only for a claim, a finish or a release. */
  async perform(effect: Effect, work: Work | null, receipt: (outcome: Receipt['outcome']) => Receipt): Promise<Event> {
    try {
      return await this.#performed(effect, work, receipt);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof VaultUnreachable) return { kind: 'vault-unreachable' };
      if (error instanceof VaultDenied) return { kind: 'vault-denied', code: error.code };
      if (error instanceof EngineFailure) return { kind: 'engine-failed', failure: error.kind, code: error.code, details: error.details };
      if (error instanceof JournalUnavailable) return { kind: 'journal-unavailable', code: error.code };
      throw error;
    }
  }

  async closeSession(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    try {
      await session?.close();
    } catch (error) {
      // It broke while it was being closed, which is closed enough: the next one that is opened ends it in any case.
      if (!(error instanceof EngineFailure)) throw error;
    }
  }

  async #performed(effect: Effect, work: Work | null, receipt: (outcome: Receipt['outcome']) => Receipt): Promise<Event> {
    const { vault, engine, journal } = this.#deps;
    const signal = this.#signal;
    switch (effect.kind) {
      case 'claim':
        return await this.#claim(effect.purpose);
      case 'release':
        await vault.release(this.#secretId, effect.epoch, signal);
        return { kind: 'released' };
      case 'finish-row':
        await journal.finish(this.#secretId, receipt(effect.outcome), this.#confirmedBy(effect.outcome));
        this.#startAnew(effect.outcome);
        return this.#passed('finished', { kind: 'row-finished' });
      case 'write-row':
        await journal.write(this.#rowOf(effect.work));
        return this.#passed(journalledBoundary[effect.work.goal], { kind: 'row-written' });
      case 'observe':
        return { kind: 'observed', shape: await engine.observe(this.#candidates(work), signal) };
      case 'count-sessions':
        return { kind: 'sessions-counted', holdOuts: await engine.sessionsOf(effect.slot, signal) };
      case 'verify':
        return await this.#verify(work);
      case 'open-session':
        return await this.#openSession(effect.epoch, work);
      case 'ask-epoch': {
        const newestEpoch = await vault.newestEpoch(this.#secretId, effect.epoch, signal);
        return this.#passed('epoch-checked', { kind: 'epoch-answered', newestEpoch });
      }
      case 'look':
      case 'execute':
        return await this.#onSession(effect, work);
      case 'confirm':
      case 'drain':
      case 'reject':
      case 'report-retired':
        return await this.#tellVault(effect);
      default:
        throw new Error('unknown effect', { cause: effect satisfies never });
    }
  }

  async #claim(purpose: 'work' | 'repair'): Promise<Event> {
    const outcome = await this.#deps.vault.claim(this.#secretId, purpose, this.#signal, this.#word === null ? {} : { word: this.#word });
    if (outcome.kind === 'nothing') return { kind: 'nothing-to-claim' };
    if (outcome.kind === 'behind') return { kind: 'vault-behind' };
    if (outcome.kind === 'held') return { kind: 'held-by-another', retryInMs: outcome.retryInMs };
    const { rotationId, epoch, strategy, phase, versions, credentials } = outcome.claim;
    const recognised = forgottenAmong(this.#credentials, credentials);
    this.#credentials = new Map([...this.#credentials, ...credentials]);
    return this.#passed('claimed', { kind: 'claimed', grant: { rotationId, epoch, strategy, phase, versions }, recognised });
  }

  async #openSession(epoch: number, work: Work | null): Promise<Event> {
    await this.closeSession();
    // Another server is not written to; only a person's word has it looked at, and the journal names it then.
    const expected = this.#word === 'accept-server' ? null : this.#fingerprint;
    const session = await this.#deps.engine.openSession(this.#secretId, epoch, this.#signal, expected);
    this.#session = session;
    // Which server it is cannot be told everywhere: then nothing is compared, and nothing kept.
    if (session.serverFingerprint !== null) await this.#recogniseServer(session.serverFingerprint, work);
    return this.#passed('session-open', { kind: 'session-open' });
  }

  async #recogniseServer(serverFingerprint: string, work: Work | null): Promise<void> {
    if (this.#fingerprint === null && work !== null) {
      this.#fingerprint = serverFingerprint;
      await this.#deps.journal.write(this.#rowOf(work));
    }
    if (serverFingerprint !== this.#fingerprint) await this.#acceptServer(serverFingerprint, work);
  }

  /** The journal names the server before anything is looked at there. Throws EngineFailure unless a person said so. */
  async #acceptServer(serverFingerprint: string, work: Work | null): Promise<void> {
    if (this.#word !== 'accept-server' || work === null) throw new EngineFailure('needs-person', differentServer);
    this.#fingerprint = serverFingerprint;
    this.#hasAcceptedServer = true;
    await this.#deps.journal.write(this.#rowOf(work));
    this.#deps.boundary('server-accepted');
  }

  async #onSession(effect: Extract<Effect, { kind: 'look' | 'execute' }>, work: Work | null): Promise<Event> {
    const session = this.#session;
    if (session === null) throw new EngineFailure('session-lost', 'session-closed');
    switch (effect.kind) {
      case 'look': {
        const shape = await session.look(this.#candidates(work), this.#signal);
        return this.#passed('looked', { kind: 'looked', shape });
      }
      case 'execute':
        this.#deps.boundary('before-statement');
        await session.execute(effect.statement, this.#candidates(work), this.#signal);
        this.#statements.push(effect.statement);
        return this.#passed('after-statement', { kind: 'executed' });
      default:
        throw new Error('unknown effect', { cause: effect satisfies never });
    }
  }

  async #verify(work: Work | null): Promise<Event> {
    const pending = this.#candidates(work).find(({ version }) => version === work?.versions.pending?.version);
    if (pending === undefined) throw new Error('no credential of the pending version');
    this.#deps.boundary('before-verify');
    const outcome = await this.#deps.engine.verify(pending, this.#signal);
    if (outcome.kind === 'verified') this.#deps.boundary('verified');
    return { kind: 'verify-answered', outcome };
  }

  async #tellVault(effect: Extract<Effect, { kind: 'confirm' | 'drain' | 'reject' | 'report-retired' }>): Promise<Event> {
    const { vault } = this.#deps;
    const [id, { rotationId, epoch }, signal] = [this.#secretId, effect, this.#signal];
    switch (effect.kind) {
      case 'confirm':
        this.#deps.boundary('before-confirm');
        return this.#passed('confirmed', { kind: 'confirm-answered', outcome: await vault.confirm(id, rotationId, epoch, signal) });
      case 'drain':
        return this.#passed('draining', { kind: 'drain-answered', outcome: await vault.drain(id, rotationId, epoch, signal) });
      case 'reject': {
        const outcome = await vault.reject(id, rotationId, epoch, effect.code, signal);
        return this.#passed('rejected', { kind: 'reject-answered', outcome });
      }
      case 'report-retired':
        this.#deps.boundary('before-retired');
        return this.#passed('retired', { kind: 'retired-answered', outcome: await vault.retired(id, rotationId, epoch, signal) });
      default:
        throw new Error('unknown effect', { cause: effect satisfies never });
    }
  }

  #passed(boundary: Boundary, event: Event): Event {
    this.#deps.boundary(boundary);
    return event;
  }

  #candidates(work: Work | null): readonly Candidate[] {
    if (work === null) throw new Error('this effect needs versions');
    return candidatesOf(work.versions).flatMap((ref) => {
      const credential = this.#credentials.get(ref.version);
      return credential === undefined ? [] : [{ ...ref, credential, isPending: ref.version === work.versions.pending?.version }];
    });
  }

  #rowOf(work: Work): JournalRow {
    const { rotationId, epoch, strategy, goal, versions } = work;
    const credentials = new Map(this.#candidates(work).map(({ version, credential }) => [version, credential]));
    return { secretId: this.#secretId, rotationId, epoch, strategy, goal, versions, credentials, serverFingerprint: this.#fingerprint };
  }

  /** Work that ended otherwise may never have reached the server that it was sent to, unless a person named that one. */
  #confirmedBy(outcome: Receipt['outcome']): string | null {
    const isDone = outcome === 'rotated' || outcome === 'repaired';
    return isDone || this.#hasAcceptedServer ? this.#fingerprint : null;
  }

  /** What comes after a finished row is other work: nothing of this one may cling to it but where it was done. */
  #startAnew(outcome: Receipt['outcome']): void {
    this.#statements.length = 0;
    this.#knownServer = this.#confirmedBy(outcome) ?? this.#knownServer;
    this.#fingerprint = this.#knownServer;
    this.#hasAcceptedServer = false;
  }
}

/** Versions below zero of which a claim brings login and password under numbers of the vault's own. */
function forgottenAmong(known: ReadonlyMap<number, Credential>, brought: ReadonlyMap<number, Credential>): readonly number[] {
  const isBrought = ({ username, password }: Credential): boolean =>
    [...brought.values()].some((other) => other.username === username && other.password.equals(password));
  return [...known].filter(([version, credential]) => version < 0 && isBrought(credential)).map(([version]) => version);
}

function wordOf(request: DriveRequest): PersonsWord | null {
  if (request.overwriteForeignPassword === true) return 'overwrite-foreign-password';
  if (request.acceptServer === true) return 'accept-server';
  return request.giveUpRotationId == null ? null : 'give-up';
}
