/** What daemons do with a claim under /v2: claim, renew, confirm, reject, drain, retire, release. Fenced by the epoch (rule 2). */
import { maxRetiredCredentials } from '@sikkerkey/protocol/vault/machine.ts';
import {
  bringsRetired,
  decideClaim,
  decideConfirm,
  decideReject,
  decideRetired,
  drainState,
  isAtRest,
  isClaimHeld,
  leaseOf,
  loginOf,
} from '../../managed/rules.ts';
import { untilAge } from '../../managed/vault-age.ts';
import type {
  ClaimedCredential,
  ClaimedWork,
  ClaimResult,
  DrainResult,
  DriftLook,
  Outcome,
  RotationDescription,
  Slot,
  VersionInSlot,
} from '../records.ts';
import type { RotationOperations } from '../storage.ts';
import { done, refuse } from './admission.ts';
import { namedHoldOuts } from './holds.ts';
import type { ManagedContext } from './managed-context.ts';
import type { LoadedManaged } from './managed-rows.ts';

type ClaimOperations = Pick<
  RotationOperations,
  | 'claim'
  | 'driftLook'
  | 'renewClaim'
  | 'confirmRotation'
  | 'rejectRotation'
  | 'drainOf'
  | 'reportRetired'
  | 'releaseClaim'
  | 'describeRotation'
>;

interface CredentialRow {
  readonly version: number;
  readonly slot: Slot;
  readonly label: ClaimedCredential['label'];
  readonly username: string;
  readonly sealed: Buffer;
}

export class Claims implements ClaimOperations {
  readonly #context: ManagedContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: ManagedContext) {
    this.#context = context;
    this.#sql = prepare(context.db);
  }

  readonly claim: ClaimOperations['claim'] = (input) =>
    this.#context.access.onManaged<ClaimResult>(input, (loaded) => {
      const { caller, secretId, daemonId } = input;
      const decision = decideClaim(loaded.state, { machineId: caller.id, daemonId }, input.purpose, caller.now, input);
      if (decision.kind === 'nothing' || decision.kind === 'behind') return done({ outcome: decision.kind });
      if (decision.kind === 'held') return done({ outcome: 'held', retryInMs: decision.retryInMs });
      this.#sql.claim.run(decision.epoch, caller.id, daemonId, caller.now + leaseOf(decision.phase), secretId);
      const { active } = loaded.state;
      if (active !== null) this.#sql.claimRotation.run(decision.epoch, active.rotationId);
      this.#context.audit.append(caller, {
        action: 'rotation.claim',
        subject: secretId,
        detail: [`epoch ${decision.epoch} ${decision.phase}`, input.word ?? []].flat().join(' '),
      });
      return done({ outcome: 'claimed', work: this.#claimed(loaded, decision.epoch, decision.phase, input.purpose) });
    });
  readonly driftLook: ClaimOperations['driftLook'] = (input) =>
    this.#context.access.onManaged<DriftLook>(input, (loaded) => {
      const { caller, secretId } = input;
      const { configuration, state } = loaded;
      const rests = isAtRest(state, caller.now);
      this.#context.audit.append(caller, { action: rests ? 'rotation.look' : 'agent.configuration', subject: secretId });
      const standing = rests ? { live: state.live, credentials: this.#credentials(loaded, true) } : null;
      return done({ configuration, standing });
    });
  readonly renewClaim: ClaimOperations['renewClaim'] = (input) =>
    this.#context.access.onManaged(input, ({ state }) => {
      const newest = input.epoch === state.epoch;
      const leaseMs = leaseOf(state.active?.state ?? 'steady');
      if (newest) this.#sql.renew.run(input.caller.now + leaseMs, input.secretId);
      return done({ newest, newestEpoch: state.epoch, leaseMs });
    });
  readonly confirmRotation: ClaimOperations['confirmRotation'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId } = input;
      const rotation = this.#context.changes.rows.rotation(secretId, input.rotationId);
      if (rotation === null) return input.epoch === loaded.state.epoch ? refuse('not-found') : done({ outcome: 'stale-epoch' });
      const decision = decideConfirm(loaded.state, rotation, input.epoch);
      if (decision !== 'promote') return done({ outcome: decision });
      this.#sql.renew.run(caller.now + leaseOf('promoted'), secretId);
      this.#context.audit.append(caller, {
        action: 'rotation.promote',
        subject: secretId,
        detail: `${rotation.rotationId} v${rotation.version}`,
      });
      this.#context.changes.promote(loaded, caller, input.seal);
      return done({ outcome: 'promoted' });
    });
  readonly rejectRotation: ClaimOperations['rejectRotation'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId, errorCode } = input;
      const rotation = this.#context.changes.rows.rotation(secretId, input.rotationId);
      if (rotation === null) return input.epoch === loaded.state.epoch ? refuse('not-found') : done({ outcome: 'over' });
      const decision = decideReject(loaded.state, rotation, input.epoch);
      if (decision !== 'reject') return done({ outcome: decision });
      this.#context.audit.append(caller, { action: 'rotation.reject', subject: secretId, detail: `${rotation.rotationId} ${errorCode}` });
      this.#context.changes.reject(loaded, caller, input.seal, errorCode);
      return done({ outcome: 'rejected' });
    });
  readonly drainOf: ClaimOperations['drainOf'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => done(this.#drain(loaded, input.rotationId, input.epoch, input.caller.now)));
  readonly reportRetired: ClaimOperations['reportRetired'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId } = input;
      const rotation = this.#context.changes.rows.rotation(secretId, input.rotationId);
      if (rotation === null) return input.epoch === loaded.state.epoch ? refuse('not-found') : done({ outcome: 'over' });
      const decision = decideRetired(loaded.state, rotation, input.epoch);
      if (decision !== 'retire') return done({ outcome: decision });
      this.#context.audit.append(caller, { action: 'rotation.retired', subject: secretId, detail: rotation.rotationId });
      this.#context.changes.retire(loaded, caller, input.seal);
      return done({ outcome: 'retired' });
    });
  readonly releaseClaim: ClaimOperations['releaseClaim'] = (input) =>
    this.#context.access.onManaged(input, ({ state }) => {
      if (input.epoch !== state.epoch || state.claim === null) return done(null);
      this.#sql.release.run(input.secretId);
      this.#context.audit.append(input.caller, { action: 'rotation.release', subject: input.secretId, detail: `epoch ${input.epoch}` });
      return done(null);
    });
  readonly describeRotation: ClaimOperations['describeRotation'] = (input) =>
    this.#context.commits.run((): Outcome<RotationDescription> => {
      const refused = this.#context.admission.machine(input.caller);
      if (refused !== null) return refused;
      const row = this.#sql.describe.get(input.rotationId, input.rotationId);
      if (row === undefined || this.#context.access.of(input.caller.id, row.secretId) === 'gone') return refuse('not-found');
      if (this.#context.access.of(input.caller.id, row.secretId) === 'denied') return refuse('no-grant');
      const loaded = this.#context.changes.rows.load(row.secretId);
      if (loaded === null) return refuse('not-found');
      const version = row.version ?? loaded.state.lastVersion + 1;
      const underClaim = row.state === 'pending' && isClaimHeld(loaded.state, input.caller.now);
      return done({ ...row, version, state: underClaim ? 'claimed' : row.state });
    });

  readonly #claimed = (loaded: LoadedManaged, epoch: number, phase: ClaimedWork['phase'], purpose: 'work' | 'repair'): ClaimedWork => {
    const { state } = loaded;
    const { active, live, secretId } = state;
    const pending: VersionInSlot | null = active?.state === 'pending' ? { version: active.version, slot: active.slot } : null;
    const credentials = this.#credentials(loaded, bringsRetired(purpose, phase));
    const versions = { live, pending, previous: active?.previous ?? null };
    return {
      secretId,
      rotationId: active?.rotationId ?? null,
      epoch,
      leaseMs: leaseOf(phase),
      strategy: state.strategy,
      phase,
      versions,
      credentials,
    };
  };

  readonly #credentials = ({ state, configuration }: LoadedManaged, withRetired: boolean): ClaimedCredential[] => {
    const { projectId, wrappedProjectKey, secretId } = configuration;
    const retired = withRetired ? this.#sql.retired.all(secretId, state.live.slot, maxRetiredCredentials) : [];
    return [...this.#sql.credentials.all(secretId), ...retired].map((row): ClaimedCredential => {
      return { ...row, username: row.username ?? loginOf(state.owner, row.slot), projectId, wrappedProjectKey, secretId };
    });
  };

  readonly #drain = (loaded: LoadedManaged, rotationId: string, epoch: number, now: number): DrainResult => {
    const { state, age } = loaded;
    const rotation = this.#context.changes.rows.rotation(state.secretId, rotationId);
    const { active } = state;
    const over = epoch !== state.epoch || active?.previous == null || rotation?.rotationId !== active.rotationId;
    if (over || active?.previous == null) return { state: 'over' };
    this.#sql.renew.run(now + leaseOf('promoted'), state.secretId);
    const holdOutCount = this.#context.changes.holds.count(state.secretId, active);
    const found = drainState(active, holdOutCount, age.ageMs);
    if (found !== 'draining') return { state: found };
    const holdOuts = this.#context.changes.holds.of(state.secretId, active, namedHoldOuts, now);
    return { state: found, holdOuts, holdOutCount, deadlineInMs: untilAge(active.drainEndsAtAge ?? age.ageMs, age, now) };
  };
}

function prepare(db: ManagedContext['db']) {
  return {
    claim: db.prepare('UPDATE managed SET epoch = ?, claim_machine = ?, claim_daemon = ?, claim_expires_at = ? WHERE secret_id = ?'),
    claimRotation: db.prepare('UPDATE rotations SET ever_claimed = 1, epoch = ? WHERE rotation_id = ?'),
    renew: db.prepare('UPDATE managed SET claim_expires_at = ? WHERE secret_id = ? AND claim_machine IS NOT NULL'),
    release: db.prepare('UPDATE managed SET claim_machine = NULL, claim_daemon = NULL, claim_expires_at = NULL WHERE secret_id = ?'),
    credentials: db.prepare<[string], CredentialRow>(
      `SELECT version, slot, label, username, sealed FROM versions
       WHERE secret_id = ? AND label IN ('pending', 'current', 'previous') ORDER BY version`,
    ),
    // A restored backup may have put one of these back (rule 7 keeps them sealed until the backup horizon has passed).
    retired: db.prepare<[string, Slot, number], CredentialRow>(
      `SELECT version, slot, 'retired' AS label, username, sealed FROM versions
       WHERE secret_id = ? AND slot = ? AND label IN ('retired', 'quarantined') AND sealed IS NOT NULL ORDER BY version DESC LIMIT ?`,
    ),
    describe: db.prepare<[string, string], Omit<RotationDescription, 'version'> & { readonly version: number | null }>(
      `SELECT rotation_id AS rotationId, secret_id AS secretId, version, state, epoch, requested_at AS requestedAt,
         promoted_at AS promotedAt, ended_at AS endedAt
       FROM rotations WHERE rotation_id IN (?, (SELECT rotation_id FROM rotation_aliases WHERE alias = ?))`,
    ),
  };
}
