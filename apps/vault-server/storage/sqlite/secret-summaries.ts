/** Secrets as operators see them: facts about value and rotation, no value. */
import { loginOf } from '../../managed/rules.ts';
import type { ManagedStrategy, SecretKind, SecretSummary, Slot } from '../records.ts';
import type { Database } from './database.ts';
import { parseList } from './machine-operations.ts';

interface SummaryRow {
  readonly secretId: string;
  readonly projectId: string;
  readonly name: string;
  readonly kind: SecretKind;
  readonly version: number;
  readonly fieldNames: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly provider: 'postgresql' | null;
  readonly strategy: ManagedStrategy;
  readonly owner: string;
  readonly adopted: number;
  readonly intervalMs: number | null;
  readonly nextRotationAt: number | null;
  readonly drainDeadlineMs: number;
  readonly errorCode: string | null;
  readonly claimExpiresAt: number | null;
  readonly rotationId: string | null;
  readonly rotationState: 'pending' | 'promoted' | null;
  readonly waitingId: string | null;
  readonly agentState: string | null;
  readonly agentSeenAt: number | null;
  readonly agentErrorCode: string | null;
}

const query = `
SELECT s.secret_id AS secretId, s.project_id AS projectId, s.name, s.kind, s.live_version AS version, s.field_names AS fieldNames,
  s.created_at AS createdAt, s.updated_at AS updatedAt, m.provider, m.strategy, m.owner, m.adopted, m.interval_ms AS intervalMs,
  m.next_rotation_at AS nextRotationAt, m.drain_deadline_ms AS drainDeadlineMs, m.error_code AS errorCode,
  m.claim_expires_at AS claimExpiresAt, r.rotation_id AS rotationId, r.state AS rotationState, w.rotation_id AS waitingId,
  a.state AS agentState, a.seen_at AS agentSeenAt, a.error_code AS agentErrorCode
FROM secrets s
LEFT JOIN managed m ON m.secret_id = s.secret_id
LEFT JOIN rotations r ON r.secret_id = s.secret_id AND r.state IN ('pending', 'promoted')
LEFT JOIN rotations w ON w.secret_id = s.secret_id AND w.state = 'waiting-for-drain'
LEFT JOIN agents a ON a.secret_id = s.secret_id
  AND a.machine_id = (SELECT machine_id FROM agents n WHERE n.secret_id = s.secret_id ORDER BY n.seen_at DESC LIMIT 1)
WHERE s.deleted_at IS NULL`;

export class SecretSummaries {
  readonly #one;
  readonly #all;
  readonly #ofProject;

  constructor(db: Database) {
    this.#one = db.prepare<[string], SummaryRow>(`${query} AND s.secret_id = CAST(? AS TEXT)`);
    this.#all = db.prepare<[], SummaryRow>(`${query} ORDER BY s.created_at, s.secret_id`);
    this.#ofProject = db.prepare<[string], SummaryRow>(`${query} AND s.project_id = CAST(? AS TEXT) ORDER BY s.created_at, s.secret_id`);
  }

  /** Null: no such secret, or deleted. */
  find(secretId: string, now: number): SecretSummary | null {
    const row = this.#one.get(secretId);
    return row === undefined ? null : toSummary(row, now);
  }

  list(projectId: string | null, now: number): SecretSummary[] {
    const rows = projectId === null ? this.#all.all() : this.#ofProject.all(projectId);
    return rows.map((row) => toSummary(row, now));
  }
}

function toSummary(row: SummaryRow, now: number): SecretSummary {
  return {
    secretId: row.secretId,
    projectId: row.projectId,
    name: row.name,
    kind: row.kind,
    version: row.version,
    fieldNames: row.fieldNames === null ? null : parseList(row.fieldNames),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    managed: row.provider === null ? null : toManaged(row, row.provider, now),
  };
}

function toManaged(row: SummaryRow, provider: 'postgresql', now: number): NonNullable<SecretSummary['managed']> {
  return {
    provider,
    strategy: row.strategy,
    owner: row.owner,
    adopted: row.adopted === 1,
    intervalMs: row.intervalMs,
    nextRotationAt: row.nextRotationAt,
    drainDeadlineMs: row.drainDeadlineMs,
    phase: phaseOf(row, now),
    rotationId: row.rotationId,
    agentState: row.agentState,
    agentSeenAt: row.agentSeenAt,
    errorCode: row.errorCode ?? row.agentErrorCode,
  };
}

function phaseOf(row: SummaryRow, now: number): NonNullable<SecretSummary['managed']>['phase'] {
  if (row.rotationState === null) return 'none';
  if (row.rotationState === 'promoted') return row.waitingId === null ? 'promoted' : 'waiting-for-drain';
  return row.claimExpiresAt !== null && row.claimExpiresAt > now ? 'claimed' : 'pending';
}

/** Names of the fields in the value of a managed secret. */
export const managedFieldNames: readonly string[] = ['username', 'password', 'host', 'port', 'database'];

export function firstLogin(username: string): { readonly slot: Slot; readonly username: string } {
  return { slot: 'owner', username: loginOf(username, 'owner') };
}
