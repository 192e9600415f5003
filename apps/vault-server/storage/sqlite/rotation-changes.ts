/**
 * What a decision about a managed secret changes: offers, promotions, ends. Each runs inside the operation's transaction
 * and leaves its events; the audit entry is the operation's. Source: model/model.py `offer`, `promote`, `ended`.
 */
import { drainState, loginOf, nextSlot, overlaps, type RotationPurpose } from '../../managed/rules.ts';
import { ageAt } from '../../managed/vault-age.ts';
import type { Refused, SealNewVersion, VersionLabel } from '../records.ts';
import type { Actor } from './audit-log.ts';
import type { StoreContext } from './context.ts';
import { Holds } from './holds.ts';
import { newIdentifier } from './identifiers.ts';
import { type LoadedManaged, ManagedRows } from './managed-rows.ts';

/** Code of a rotation that ended because its database was given up. */
const abandoned = 'abandoned';

export class RotationChanges {
  readonly rows: ManagedRows;
  readonly holds: Holds;
  readonly #context: StoreContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.rows = new ManagedRows(context.db);
    this.holds = new Holds(context.db, context.age);
    this.#sql = prepare(context.db);
  }

  /** Makes the next version pending. `waitingId`: for a rotation that was asked for earlier. Returns the rotation's id. */
  offer(loaded: LoadedManaged, actor: Actor, seal: SealNewVersion, purpose: RotationPurpose, waitingId?: string): string {
    const { state, configuration } = loaded;
    const { secretId } = state;
    const slot = nextSlot(state.strategy, state.live.slot, purpose);
    const username = loginOf(state.owner, slot);
    const version = state.lastVersion + 1;
    const sealed = seal({
      projectId: configuration.projectId,
      wrappedProjectKey: configuration.wrappedProjectKey,
      secretId,
      version,
      managed: {
        slot,
        username,
        host: configuration.host,
        port: configuration.port,
        database: configuration.database,
        passwordLength: loaded.passwordLength,
      },
    });
    this.#sql.insertVersion.run(secretId, version, slot, username, sealed, actor.now, `${actor.kind}:${actor.id}`);
    this.#sql.setLastVersion.run(version, actor.now, secretId);
    this.#sql.schedule.run(actor.now, secretId);
    const rotationId = waitingId ?? newIdentifier(this.#context.random, 'rot_');
    if (waitingId === undefined) this.#insertRotation(rotationId, secretId, purpose, 'pending', version, slot, actor);
    else this.#sql.startWaiting.run(version, slot, waitingId);
    this.#context.events.append(actor.now, { kind: 'rotation-offered', secretId, rotationId });
    return rotationId;
  }

  /** One rotation that begins when the one that drains has ended. */
  wait(loaded: LoadedManaged, actor: Actor): string {
    const rotationId = newIdentifier(this.#context.random, 'rot_');
    this.#insertRotation(rotationId, loaded.state.secretId, 'rotate', 'waiting-for-drain', null, null, actor);
    return rotationId;
  }

  /** The pending version goes live. In place, that ends the rotation; else the old one drains until readers let go of it. */
  promote(loaded: LoadedManaged, actor: Actor, seal: SealNewVersion): void {
    const { state } = loaded;
    const { active, secretId, live } = state;
    if (active?.state !== 'pending') throw new Error('nothing is pending');
    const draining = overlaps(state.strategy);
    const age = ageAt(loaded.age, actor.now);
    const drains = draining ? { since: age, endsAt: age + loaded.drainDeadlineMs } : { since: null, endsAt: null };
    const forgetAtAge = age + loaded.backupHorizonMs;
    this.#label(secretId, live.version, draining ? 'previous' : 'retired', draining ? null : forgetAtAge);
    this.#label(secretId, active.version, 'current', null);
    this.#sql.forgetQuarantined.run(forgetAtAge, secretId);
    this.#sql.setLive.run(active.version, actor.now, secretId);
    this.#sql.clearError.run(secretId);
    this.#sql.promoted.run(live.version, actor.now, drains.since, drains.endsAt, state.epoch, active.rotationId);
    this.#context.events.append(actor.now, { kind: 'secret-changed', secretId, version: active.version });
    if (draining) this.announceIfClear(secretId, actor.now);
    else this.#end(loaded, 'retired', live.version, actor, seal);
  }

  /** The draining version was retired in the database. */
  retire(loaded: LoadedManaged, actor: Actor, seal: SealNewVersion): void {
    const previous = loaded.state.active?.previous ?? null;
    if (previous === null) throw new Error('nothing is draining');
    this.#label(loaded.state.secretId, previous.version, 'retired', ageAt(loaded.age, actor.now) + loaded.backupHorizonMs);
    this.#end(loaded, 'retired', previous.version, actor, seal);
  }

  /**
   * The pending version goes into quarantine, sealed, until the backup horizon has passed (rule 7). What a published agent
   * rejected may still be the password in the database, so its horizon begins only when a later version is confirmed.
   */
  reject(loaded: LoadedManaged, actor: Actor, seal: SealNewVersion, errorCode: string): void {
    const { active, secretId } = loaded.state;
    if (active?.state !== 'pending') throw new Error('nothing is pending');
    const forgetAtAge = active.everClaimed ? ageAt(loaded.age, actor.now) + loaded.backupHorizonMs : null;
    this.#label(secretId, active.version, 'quarantined', forgetAtAge);
    this.#sql.setError.run(errorCode, secretId);
    this.#end(loaded, 'rejected', null, actor, seal, errorCode);
  }

  /**
   * Ends what is in flight although nobody can say what the database holds. Whatever it may hold stays sealed until a later
   * version is confirmed; the epoch rises, so that no work of before is heard any more. The schedule ends.
   */
  abandon({ state }: LoadedManaged, actor: Actor): void {
    const { secretId, active, waiting } = state;
    const epoch = state.epoch + 1;
    this.#sql.abandon.run(epoch, secretId);
    if (waiting !== null) this.#sql.ended.run('rejected', actor.now, epoch, abandoned, waiting.rotationId);
    if (active === null) return;
    const outcome = active.state === 'pending' ? 'rejected' : 'retired';
    const unsure = active.state === 'pending' ? active.version : active.previous?.version;
    if (unsure !== undefined) {
      this.#label(secretId, unsure, 'quarantined', null);
      this.holds.clearVersion(secretId, unsure);
    }
    this.#sql.ended.run(outcome, actor.now, epoch, abandoned, active.rotationId);
    this.#context.events.append(actor.now, { kind: 'rotation-ended', secretId, rotationId: active.rotationId, outcome });
  }

  /** The refusal of what must wait until nothing of this secret is in flight. */
  refuseInFlight({ state }: LoadedManaged, now: number): Refused {
    const { secretId, active } = state;
    const { holdOutCount = 0, drainDeadlineAt = null } = this.holds.inTheWay(secretId, active, now) ?? {};
    return { kind: 'refused', reason: 'waiting-for-drain', inFlight: { secretId, holdOutCount, drainDeadlineAt } };
  }

  /** Says once that nobody holds the draining version any more. */
  announceIfClear(secretId: string, now: number): void {
    const loaded = this.rows.load(secretId);
    const active = loaded?.state.active;
    if (loaded === null || active?.state !== 'promoted' || active.previous === null) return;
    if (drainState(active, this.holds.count(secretId, active), loaded.age.ageMs) === 'draining') return;
    if (this.#sql.announce.run(active.rotationId).changes === 0) return;
    this.#context.events.append(now, { kind: 'drain-clear', secretId, rotationId: active.rotationId });
  }

  #end(
    loaded: LoadedManaged,
    outcome: 'retired' | 'rejected',
    gone: number | null,
    actor: Actor,
    seal: SealNewVersion,
    errorCode: string | null = null,
  ): void {
    const { active, secretId, epoch, waiting } = loaded.state;
    if (active === null) throw new Error('nothing is in flight');
    if (gone !== null) this.holds.clearVersion(secretId, gone);
    this.#sql.ended.run(outcome, actor.now, epoch, errorCode, active.rotationId);
    this.#sql.freeClaim.run(secretId);
    const leavesSlots = active.purpose === (outcome === 'retired' ? 'unadopt' : 'adopt');
    if (leavesSlots) this.#sql.leaveSlots.run(secretId);
    this.#context.events.append(actor.now, { kind: 'rotation-ended', secretId, rotationId: active.rotationId, outcome });
    if (waiting === null) return;
    const now = this.rows.load(secretId);
    if (now !== null) this.offer(now, actor, seal, waiting.purpose, waiting.rotationId);
  }

  #insertRotation(
    rotationId: string,
    secretId: string,
    purpose: RotationPurpose,
    state: 'pending' | 'waiting-for-drain',
    version: number | null,
    slot: string | null,
    actor: Actor,
  ): void {
    this.#sql.insertRotation.run(rotationId, secretId, purpose, state, version, slot, actor.now, `${actor.kind}:${actor.id}`);
  }

  #label(secretId: string, version: number, label: VersionLabel, forgetAtAge: number | null): void {
    this.#sql.label.run(label, forgetAtAge, secretId, version);
  }
}

function prepare(db: StoreContext['db']) {
  return {
    insertVersion: db.prepare(
      `INSERT INTO versions (secret_id, version, label, slot, username, sealed, created_at, created_by)
       VALUES (?, ?, 'pending', ?, ?, ?, ?, ?)`,
    ),
    setLastVersion: db.prepare('UPDATE secrets SET last_version = ?, updated_at = ? WHERE secret_id = ?'),
    schedule: db.prepare('UPDATE managed SET next_rotation_at = ? + interval_ms WHERE secret_id = ?'),
    insertRotation: db.prepare(
      `INSERT INTO rotations (rotation_id, secret_id, purpose, state, version, slot, requested_at, requested_by)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    startWaiting: db.prepare("UPDATE rotations SET state = 'pending', version = ?, slot = ? WHERE rotation_id = ?"),
    label: db.prepare('UPDATE versions SET label = ?, forget_at_age = ? WHERE secret_id = ? AND version = ?'),
    forgetQuarantined: db.prepare(
      "UPDATE versions SET forget_at_age = ? WHERE secret_id = ? AND label = 'quarantined' AND sealed IS NOT NULL AND forget_at_age IS NULL",
    ),
    setLive: db.prepare('UPDATE secrets SET live_version = ?, updated_at = ? WHERE secret_id = ?'),
    setError: db.prepare('UPDATE managed SET error_code = ? WHERE secret_id = ?'),
    clearError: db.prepare('UPDATE managed SET error_code = NULL WHERE secret_id = ?'),
    promoted: db.prepare(
      `UPDATE rotations SET state = 'promoted', previous_version = ?, promoted_at = ?, drains_since_age = ?, drain_ends_at_age = ?, epoch = ?
       WHERE rotation_id = ?`,
    ),
    announce: db.prepare('UPDATE rotations SET drain_announced = 1 WHERE rotation_id = ? AND drain_announced = 0'),
    ended: db.prepare('UPDATE rotations SET state = ?, ended_at = ?, epoch = ?, error_code = ? WHERE rotation_id = ?'),
    freeClaim: db.prepare('UPDATE managed SET claim_machine = NULL, claim_daemon = NULL, claim_expires_at = NULL WHERE secret_id = ?'),
    abandon: db.prepare(
      `UPDATE managed SET epoch = ?, claim_machine = NULL, claim_daemon = NULL, claim_expires_at = NULL, adopted = 0,
         strategy = 'single', published_machine = NULL, published_at = NULL, next_rotation_at = NULL, error_code = '${abandoned}' WHERE secret_id = ?`,
    ),
    leaveSlots: db.prepare(
      "UPDATE managed SET adopted = 0, strategy = 'single', published_machine = NULL, published_at = NULL WHERE secret_id = ?",
    ),
  };
}
