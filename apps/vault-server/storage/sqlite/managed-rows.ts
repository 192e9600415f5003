/** Loads one managed secret as the rules see it (managed/rules.ts), with what is needed to act on the decision. */
import type { ActiveRotation, ManagedState, ReportedRotation, RotationPurpose } from '../../managed/rules.ts';
import type { VaultAge } from '../../managed/vault-age.ts';
import type { ManagedConfiguration, ManagedStrategy, Slot, TlsMode } from '../records.ts';
import type { Database } from './database.ts';

export interface LoadedManaged {
  readonly state: ManagedState;
  readonly age: VaultAge;
  readonly configuration: ManagedConfiguration;
  readonly drainDeadlineMs: number;
  readonly backupHorizonMs: number;
  readonly passwordLength: number;
  readonly intervalMs: number | null;
}

interface ManagedRow {
  readonly secretId: string;
  readonly projectId: string;
  readonly wrappedProjectKey: Buffer;
  readonly name: string;
  readonly liveVersion: number;
  readonly lastVersion: number;
  readonly liveSlot: Slot;
  readonly provider: 'postgresql';
  readonly strategy: ManagedStrategy;
  readonly owner: string;
  readonly adopted: number;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: TlsMode;
  readonly adminUser: string | null;
  readonly sealedAdmin: Buffer | null;
  readonly intervalMs: number | null;
  readonly nextRotationAt: number | null;
  readonly drainDeadlineMs: number;
  readonly backupHorizonMs: number;
  readonly passwordLength: number;
  readonly epoch: number;
  readonly claimMachine: string | null;
  readonly claimDaemon: string | null;
  readonly claimExpiresAt: number | null;
  readonly publishedMachine: string | null;
  readonly publishedSeenAt: number | null;
  readonly rotationId: string | null;
  readonly purpose: RotationPurpose;
  readonly rotationState: 'pending' | 'promoted';
  readonly rotationVersion: number;
  readonly rotationSlot: Slot;
  readonly everClaimed: number;
  readonly offeredAt: number | null;
  readonly drainEndsAtAge: number | null;
  readonly ageMs: number;
  readonly countedAt: number;
  readonly retireNow: number;
  readonly previousVersion: number | null;
  readonly previousSlot: Slot | null;
  readonly waitingId: string | null;
  readonly waitingPurpose: RotationPurpose;
}

const managedQuery = `
SELECT s.secret_id AS secretId, s.project_id AS projectId, p.wrapped_key AS wrappedProjectKey, s.name, s.live_version AS liveVersion,
  s.last_version AS lastVersion, lv.slot AS liveSlot, m.provider, m.strategy, m.owner, m.adopted, m.host, m.port, m.database, m.tls,
  m.admin_user AS adminUser, m.sealed_admin AS sealedAdmin, m.interval_ms AS intervalMs, m.next_rotation_at AS nextRotationAt,
  m.drain_deadline_ms AS drainDeadlineMs, m.backup_horizon_ms AS backupHorizonMs, m.password_length AS passwordLength, m.epoch,
  m.claim_machine AS claimMachine, m.claim_daemon AS claimDaemon, m.claim_expires_at AS claimExpiresAt,
  m.published_machine AS publishedMachine, m.published_at AS publishedSeenAt,
  r.rotation_id AS rotationId, r.purpose, r.state AS rotationState, r.version AS rotationVersion, r.slot AS rotationSlot,
  r.ever_claimed AS everClaimed, r.published_at AS offeredAt, r.drain_ends_at_age AS drainEndsAtAge, r.retire_now AS retireNow,
  r.previous_version AS previousVersion, pv.slot AS previousSlot, w.rotation_id AS waitingId, w.purpose AS waitingPurpose,
  v.age_ms AS ageMs, v.age_counted_at AS countedAt
FROM secrets s
JOIN vault v
JOIN managed m ON m.secret_id = s.secret_id
JOIN projects p ON p.project_id = s.project_id
JOIN versions lv ON lv.secret_id = s.secret_id AND lv.version = s.live_version
LEFT JOIN rotations r ON r.secret_id = s.secret_id AND r.state IN ('pending', 'promoted')
LEFT JOIN rotations w ON w.secret_id = s.secret_id AND w.state = 'waiting-for-drain'
LEFT JOIN versions pv ON pv.secret_id = s.secret_id AND pv.version = r.previous_version
WHERE s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL`;

export class ManagedRows {
  readonly #managed;
  readonly #rotation;

  constructor(db: Database) {
    this.#managed = db.prepare<[string], ManagedRow>(managedQuery);
    this.#rotation = db.prepare<[string, string, string], ReportedRotation>(
      `SELECT rotation_id AS rotationId, state, version FROM rotations
       WHERE secret_id = ? AND rotation_id IN (?, (SELECT rotation_id FROM rotation_aliases WHERE alias = ?))`,
    );
  }

  /** Null: no such secret, deleted, or not managed. */
  load(secretId: string): LoadedManaged | null {
    const row = this.#managed.get(secretId);
    return row === undefined ? null : toLoaded(row);
  }

  /** A rotation of this secret by its id or an alias. */
  rotation(secretId: string, rotationId: string): ReportedRotation | null {
    return this.#rotation.get(secretId, rotationId, rotationId) ?? null;
  }
}

function toLoaded(row: ManagedRow): LoadedManaged {
  const { claimMachine, claimDaemon, claimExpiresAt, publishedMachine, publishedSeenAt } = row;
  const claimed = claimMachine !== null && claimDaemon !== null && claimExpiresAt !== null;
  const published = publishedMachine !== null && publishedSeenAt !== null;
  return {
    state: {
      secretId: row.secretId,
      strategy: row.strategy,
      owner: row.owner,
      adopted: row.adopted === 1,
      live: { version: row.liveVersion, slot: row.liveSlot },
      lastVersion: row.lastVersion,
      epoch: row.epoch,
      claim: claimed ? { machineId: claimMachine, daemonId: claimDaemon, expiresAt: claimExpiresAt } : null,
      active: toActive(row),
      waiting: row.waitingId === null ? null : { rotationId: row.waitingId, purpose: row.waitingPurpose },
      published: published ? { machineId: publishedMachine, seenAt: publishedSeenAt } : null,
    },
    age: { ageMs: row.ageMs, countedAt: row.countedAt },
    configuration: toConfiguration(row),
    drainDeadlineMs: row.drainDeadlineMs,
    backupHorizonMs: row.backupHorizonMs,
    passwordLength: row.passwordLength,
    intervalMs: row.intervalMs,
  };
}

function toActive(row: ManagedRow): ActiveRotation | null {
  if (row.rotationId === null) return null;
  const previous = row.previousVersion !== null && row.previousSlot !== null;
  return {
    rotationId: row.rotationId,
    purpose: row.purpose,
    state: row.rotationState,
    version: row.rotationVersion,
    slot: row.rotationSlot,
    previous: previous ? { version: row.previousVersion, slot: row.previousSlot } : null,
    everClaimed: row.everClaimed === 1,
    publishedAt: row.offeredAt,
    drainEndsAtAge: row.drainEndsAtAge,
    retireNow: row.retireNow === 1,
  };
}

function toConfiguration(row: ManagedRow): ManagedConfiguration {
  return {
    secretId: row.secretId,
    projectId: row.projectId,
    wrappedProjectKey: row.wrappedProjectKey,
    name: row.name,
    provider: row.provider,
    strategy: row.strategy,
    owner: row.owner,
    adopted: row.adopted === 1,
    host: row.host,
    port: row.port,
    database: row.database,
    tls: row.tls,
    adminUser: row.adminUser,
    sealedAdminPassword: row.sealedAdmin,
    liveVersion: row.liveVersion,
    nextRotationAt: row.nextRotationAt,
    adoptionRotationId: row.purpose === 'adopt' && row.rotationState === 'pending' ? row.rotationId : null,
  };
}
