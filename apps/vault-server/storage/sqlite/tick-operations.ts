/** The vault's own tick: schedules, drains, leases, forgetting. Each call does a bounded piece of work. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { clockWindowSeconds } from '@sikkerkey/protocol/signing.ts';
import { isBusy, isTakenOn, longestLeaseMs, publishedPresence } from '../../managed/rules.ts';
import { ageAt, grownBy } from '../../managed/vault-age.ts';
import type { SealNewVersion } from '../records.ts';
import type { DueRotation, TickOperations } from '../tick-operations.ts';
import { lastSeenPrecisionMs, mayRefuse, refusedNext, refusedUntil } from './admission.ts';
import type { Actor } from './audit-log.ts';
import { look, type StoreContext } from './context.ts';
import type { LoadedManaged } from './managed-rows.ts';
import type { RotationChanges } from './rotation-changes.ts';

interface DueRow {
  readonly secretId: string;
}

interface RefusedTime {
  readonly machineId: string;
  readonly signedAt: number;
  readonly now: number;
  readonly windowMs: number;
  readonly precisionMs: number;
}

const windowMs = clockWindowSeconds * 1000;

interface HeldByRefused {
  readonly machineId: string;
  /** 0 for a request that may be one that was captured. */
  readonly isNew: 0 | 1;
  readonly counted: number;
  readonly ageMs: number;
}

interface EndingDrain extends DueRow {
  readonly rotationId: string;
  /** Now; it ended earlier before. */
  readonly endsAtAge: number;
}

export class Tick implements TickOperations {
  readonly #context: StoreContext;
  readonly #changes: RotationChanges;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext, changes: RotationChanges) {
    this.#context = context;
    this.#changes = changes;

    this.#sql = prepare(context.db);
  }

  readonly eventCursor: TickOperations['eventCursor'] = () => look(() => this.#context.events.cursor());
  readonly eventsAfter: TickOperations['eventsAfter'] = (input) =>
    look(() => this.#context.events.page(input.machineId, input.cursor, input.limit));
  readonly requestDueRotations: TickOperations['requestDueRotations'] = (input) =>
    this.#context.commits.run(() => {
      let begun = 0;
      const { after, until } = publishedPresence(input.now);
      const due = this.#sql.due.all(input.now, after, until).filter((rotation) => input.mayBegin(rotation));
      for (const { secretId } of due.slice(0, input.limit)) {
        const loaded = this.#changes.rows.load(secretId);
        if (loaded === null || isBusy(loaded.state, input.now) || !isTakenOn(loaded.state, input.now)) continue;
        const rotationId = this.#offer(loaded, input);
        if (rotationId === null) continue;
        this.#context.audit.append(this.#vaultAt(input.now), {
          action: 'rotation.request',
          subject: secretId,
          detail: `${rotationId} scheduled`,
        });
        begun += 1;
      }
      return begun;
    });
  readonly bringForward: TickOperations['bringForward'] = ({ now }) =>
    this.#context.commits.run(() => this.#sql.bringForward.run(now, now).changes);
  readonly refusedUntil: TickOperations['refusedUntil'] = ({ now }) => look(() => refusedUntil(this.#context.nonces, now));
  readonly mayRefuse: TickOperations['mayRefuse'] = ({ now }) => look(() => mayRefuse(this.#context.nonces, now));
  readonly refusedNext: TickOperations['refusedNext'] = ({ now }) => look(() => refusedNext(this.#context.nonces, now));
  readonly extendDrains: TickOperations['extendDrains'] = (input) =>
    this.#context.commits.run(() => {
      const { now, atMostMs } = input;
      const { ageMs } = this.#context.age.get();
      this.#context.age.set({ ageMs, countedAt: now });
      return this.#extend(now, this.#sql.drainsEndingBefore.all(ageMs, atMostMs, ageMs));
    });
  readonly extendDrainsHeldBy: TickOperations['extendDrainsHeldBy'] = ({ machineId, signedAt, now }) =>
    this.#context.commits.run(() => {
      const time = { machineId, signedAt, now, windowMs, precisionMs: lastSeenPrecisionMs };
      this.#sql.refused.run(time);
      const newest = signedAt > now ? this.#sql.refusedAhead : this.#sql.refusedBehind;
      const isNew = newest.run(time).changes === 1 ? 1 : 0;
      const age = this.#context.age.get();
      return this.#extend(now, this.#sql.drainsHeldBy.all({ machineId, isNew, counted: age.ageMs, ageMs: ageAt(age, now) }));
    });
  readonly nextDueAt: TickOperations['nextDueAt'] = ({ now }) =>
    look(() => {
      const { after, until } = publishedPresence(now);
      return this.#sql.nextDue.get(after, until) ?? null;
    });
  readonly untilNextEnd: TickOperations['untilNextEnd'] = () => look(() => this.#sql.untilNextEnd.get() ?? null);
  readonly growOlder: TickOperations['growOlder'] = (input) =>
    this.#context.commits.run(() => {
      const age = this.#context.age.get();
      // Where requests of this time are refused nobody was heard, however well the process ran.
      const isHeard = !mayRefuse(this.#context.nonces, input.now);
      const ageMs = age.ageMs + (isHeard ? grownBy(age, input.now, Math.round(input.elapsedMs)) : 0);
      this.#context.age.set({ ageMs, countedAt: input.now });
      const ended = this.#changes.holds.endOverdue(ageMs, input.limit);
      const rows = this.#sql.expiredDrains.all(ageMs, input.limit);
      for (const secretId of [...ended, ...rows.map((row) => row.secretId)]) this.#changes.announceIfClear(secretId, input.now);
      return ended.length + rows.length;
    });
  readonly expireClaims: TickOperations['expireClaims'] = (input) =>
    this.#context.commits.run(() => {
      const rows = this.#sql.expiredClaims.all(input.now, input.now + longestLeaseMs, input.limit);
      for (const { secretId, rotationId } of rows) {
        this.#sql.freeClaim.run(secretId);
        if (rotationId !== null) this.#context.events.append(input.now, { kind: 'rotation-offered', secretId, rotationId });
      }
      return rows.length;
    });
  readonly prune: TickOperations['prune'] = (input) =>
    this.#context.commits.run(() => {
      const { now, limit } = input;
      const forgotten = [
        this.#context.nonces.prune(now, limit),
        this.#sql.pruneLocks.run(now).changes,
        this.#sql.pruneFailures.run(limit, now - oldFailureMs).changes,
        this.#sql.pruneTokens.run(now - spentTokenMs).changes,
        this.#context.events.prune(now - input.keepEventsMs, limit),
        this.#forgetVersions(now, limit),
      ];
      return forgotten.reduce((sum, count) => sum + count, 0);
    });

  readonly #extend = (now: number, drains: readonly EndingDrain[]): number => {
    for (const { secretId, rotationId, endsAtAge } of drains) {
      this.#sql.extendDrain.run(endsAtAge, rotationId);
      this.#context.audit.append(this.#vaultAt(now), { action: 'rotation.extend-drain', subject: secretId, detail: rotationId });
    }
    return drains.length;
  };

  readonly #vaultAt = (now: number): Actor => ({ kind: 'vault', id: this.#sql.node.get() ?? 'node', now, address: null });

  /** Null where the value could not be sealed. That comes before anything is written, so nothing has to be undone. */
  readonly #offer = (loaded: LoadedManaged, { now, seal }: DueInput): string | null => {
    const failed = new Set<unknown>();
    const noting: SealNewVersion = (version) => {
      try {
        return seal(version);
      } catch (error) {
        failed.add(error);
        throw error;
      }
    };
    try {
      return this.#changes.offer(loaded, this.#vaultAt(now), noting, 'rotate');
    } catch (error) {
      if (!failed.has(error) || isSealed(error)) throw error;
      this.#sql.postpone.run(now + sealAgainMs, loaded.state.secretId);
      return null;
    }
  };

  /** Sealed values whose backup horizon has passed, by the vault's age, are overwritten by nothing; their rows stay as history. */
  readonly #forgetVersions = (now: number, limit: number): number => {
    const rows = this.#sql.versionsToForget.all(this.#context.age.get().ageMs, limit);
    for (const { secretId, version } of rows) {
      this.#sql.forgetVersion.run(secretId, version);
      this.#sql.forgetAdministrator.run(secretId);
      this.#context.audit.append(this.#vaultAt(now), { action: 'version.forget', subject: secretId, detail: `v${version}` });
    }
    return rows.length;
  };
}

type DueInput = Parameters<TickOperations['requestDueRotations']>[0];

/** A sealed vault is no failure of one secret. */
function isSealed(error: unknown): boolean {
  return error instanceof CatalogueError && error.code === 'vault-sealed';
}

/** A value that could not be sealed is tried again after this time: it costs a failure in the log each time. */
const sealAgainMs = 60_000;
/** Failed authentications older than any window that counts them. */
const oldFailureMs = 3_600_000;
/** Spent and expired tokens are kept this long, so that "already used" can be told from "never was" in the file. */
const spentTokenMs = 86_400_000;

/** Of readers that the vault refuses for their time. */
function prepareUnheard(db: StoreContext['db']) {
  return {
    drainsHeldBy: db.prepare<HeldByRefused, EndingDrain>(
      `SELECT secretId, rotationId, endsAtAge FROM (
       SELECT r.secret_id AS secretId, r.rotation_id AS rotationId, r.drain_ends_at_age AS before, m.drain_deadline_ms / 16 AS step,
         min(CAST(@ageMs AS INTEGER) + m.drain_deadline_ms,
           iif(@isNew = 1, 9007199254740991, r.drains_since_age + 2 * m.drain_deadline_ms)) AS endsAtAge
       FROM holds h JOIN machines k ON k.machine_id = h.machine_id AND k.state = 'approved'
         JOIN rotations r ON r.secret_id = h.secret_id AND r.previous_version = h.version
         JOIN managed m ON m.secret_id = r.secret_id
       WHERE h.machine_id = @machineId AND h.kind = 'published' AND r.state = 'promoted' AND r.retire_now = 0
         AND r.drain_ends_at_age > CAST(@counted AS INTEGER))
       WHERE before < endsAtAge - step`,
    ),
    /** Not with each request: some client may ask, or be asked for, all the time. */
    refused: db.prepare<RefusedTime>(
      "UPDATE machines SET refused_at = @now WHERE machine_id = @machineId AND state = 'approved' AND coalesce(abs(@now - refused_at) > @precisionMs, 1)",
    ),
    /** Not one of those that were accepted until now, nor refused before. */
    refusedBehind: db.prepare<RefusedTime>(
      `UPDATE machines SET refused_behind_at = @signedAt WHERE machine_id = @machineId AND state = 'approved'
         AND @signedAt > max(coalesce(refused_behind_at, 0), coalesce(seen_signed_at, last_seen_at + @windowMs, 0) + @precisionMs)`,
    ),
    refusedAhead: db.prepare<RefusedTime>(
      `UPDATE machines SET refused_ahead_at = @signedAt WHERE machine_id = @machineId AND state = 'approved'
         AND @signedAt > coalesce(refused_ahead_at, 0)`,
    ),
  };
}

function prepare(db: StoreContext['db']) {
  return {
    ...prepareUnheard(db),
    node: db.prepare<[], string>('SELECT node FROM vault').pluck(),
    /** Adopted or served by a published agent, and nothing in flight: so the limit counts what can begin. */
    due: db.prepare<[number, number, number], DueRotation>(
      `SELECT m.secret_id AS secretId, m.next_rotation_at AS dueAt, coalesce(m.interval_ms, 0) AS intervalMs FROM managed m WHERE m.next_rotation_at <= ? AND (m.adopted = 1 OR (m.published_at > ? AND m.published_at <= ?))
         AND NOT EXISTS (SELECT 1 FROM rotations r WHERE r.secret_id = m.secret_id AND r.state IN ('pending', 'promoted', 'waiting-for-drain'))
       ORDER BY m.next_rotation_at`,
    ),
    bringForward: db.prepare('UPDATE managed SET next_rotation_at = ? + interval_ms WHERE next_rotation_at > ? + interval_ms'),
    postpone: db.prepare('UPDATE managed SET next_rotation_at = ? WHERE secret_id = ?'),
    nextDue: db
      .prepare<[number, number], number | null>(
        `SELECT min(at) FROM (
           SELECT min(m.next_rotation_at) AS at FROM managed m WHERE (m.adopted = 1 OR (m.published_at > ? AND m.published_at <= ?))
             AND NOT EXISTS (SELECT 1 FROM rotations r WHERE r.secret_id = m.secret_id AND r.state IN ('pending', 'promoted', 'waiting-for-drain'))
           UNION ALL SELECT min(claim_expires_at) FROM managed WHERE claim_expires_at IS NOT NULL)`,
      )
      .pluck(),
    /** A drain that was announced because nobody holds it still has its deadline: sessions may hold it up until then. */
    untilNextEnd: db
      .prepare<[], number | null>(
        `SELECT max(0, min(age) - (SELECT age_ms FROM vault)) FROM (
           SELECT min(held_until_age) AS age FROM holds WHERE held_until_age IS NOT NULL
           UNION ALL SELECT min(drain_ends_at_age) FROM rotations
             WHERE state = 'promoted' AND (drain_announced = 0 OR drain_ends_at_age > (SELECT age_ms FROM vault)))`,
      )
      .pluck(),
    expiredDrains: db.prepare<[number, number], DueRow>(
      `SELECT secret_id AS secretId FROM rotations WHERE state = 'promoted' AND drain_announced = 0 AND drain_ends_at_age <= ? LIMIT ?`,
    ),
    /** What is over stays over: it had its whole time before the silence. And who was heard for twice that time was heard. */
    drainsEndingBefore: db.prepare<[number, number, number], EndingDrain>(
      `SELECT secretId, rotationId, endsAtAge FROM (
         SELECT r.secret_id AS secretId, r.rotation_id AS rotationId, r.drain_ends_at_age AS before,
           min(CAST(? AS INTEGER) + min(CAST(? AS INTEGER), m.drain_deadline_ms), r.drains_since_age + 2 * m.drain_deadline_ms) AS endsAtAge
         FROM rotations r JOIN managed m ON m.secret_id = r.secret_id
         WHERE r.state = 'promoted' AND r.retire_now = 0 AND r.drain_ends_at_age > CAST(? AS INTEGER))
       WHERE before < endsAtAge`,
    ),
    extendDrain: db.prepare('UPDATE rotations SET drain_ends_at_age = ? WHERE rotation_id = ?'),
    expiredClaims: db.prepare<[number, number, number], DueRow & { readonly rotationId: string | null }>(
      `SELECT m.secret_id AS secretId, r.rotation_id AS rotationId FROM managed m
       LEFT JOIN rotations r ON r.secret_id = m.secret_id AND r.state IN ('pending', 'promoted')
       WHERE m.claim_expires_at <= ? OR m.claim_expires_at > ? LIMIT ?`,
    ),
    freeClaim: db.prepare('UPDATE managed SET claim_machine = NULL, claim_daemon = NULL, claim_expires_at = NULL WHERE secret_id = ?'),
    pruneLocks: db.prepare('DELETE FROM address_locks WHERE until <= ?'),
    pruneFailures: db.prepare(
      'DELETE FROM failed_authentications WHERE number IN (SELECT number FROM failed_authentications ORDER BY number LIMIT ?) AND at < ?',
    ),
    pruneTokens: db.prepare('DELETE FROM bootstrap_tokens WHERE expires_at < ?'),
    versionsToForget: db.prepare<[number, number], { readonly secretId: string; readonly version: number }>(
      'SELECT secret_id AS secretId, version FROM versions WHERE forget_at_age <= ? LIMIT ?',
    ),
    /** With the last value of a deleted secret goes what the vault kept for changing it. */
    forgetAdministrator: db.prepare(
      `UPDATE managed SET sealed_admin = NULL WHERE secret_id = ?
         AND EXISTS (SELECT 1 FROM secrets s WHERE s.secret_id = managed.secret_id AND s.deleted_at IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.secret_id = managed.secret_id AND v.sealed IS NOT NULL)`,
    ),
    forgetVersion: db.prepare('UPDATE versions SET sealed = NULL, forget_at_age = NULL WHERE secret_id = ? AND version = ?'),
  };
}
