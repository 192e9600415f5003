/** The vault itself: birth, identities for the signature check, nonces, lockouts, status, the audit log as it is read. */
import { fingerprint } from '@sikkerkey/core/identity/fingerprint.ts';
import type { AuditEntrySummary, IdentityRecord, VaultRecord, VaultStatus } from '../records.ts';
import type { VaultOperations } from '../storage.ts';
import { done } from './admission.ts';
import { look, pause, type StoreContext } from './context.ts';
import { newIdentifier } from './identifiers.ts';

/** The name of a key that people compare aloud. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return fingerprint(Buffer.from(publicKey).toString('base64'));
}

/** Entries looked at without a pause; some milliseconds of work. */
const auditStretch = 10_000;

/** Locks last a minute. One that ends later than this from now was written by a clock that was put back since: it is over. */
const longestLockMs = 120_000;
/** Callers' times overlap by less. A failure further ahead of now is of a clock that was put back since. */
const clockSlackMs = 10_000;

interface SeenUntil {
  readonly id: string;
  readonly until: number;
}

type VaultWithoutClose = Omit<VaultOperations, 'close'>;

export class Vault implements VaultWithoutClose {
  readonly #context: StoreContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext) {
    this.#context = context;

    this.#sql = prepare(context.db);
  }

  readonly vault: VaultWithoutClose['vault'] = () => look(() => this.#sql.vault.get() ?? null);
  readonly initialise: VaultWithoutClose['initialise'] = (input) =>
    this.#context.commits.run(() => {
      if (this.#sql.vault.get() !== undefined) return { kind: 'exists' };
      const { operatorId } = input;
      const node = newIdentifier(this.#context.random, 'node_');
      this.#sql.insertVault.run(
        input.vaultId,
        node,
        newIdentifier(this.#context.random, 'stream_'),
        input.rootKeyVerifier,
        input.now,
        input.now,
      );
      this.#sql.insertOperator.run(
        operatorId,
        input.operatorName,
        input.operatorPublicKey,
        fingerprintOf(input.operatorPublicKey),
        input.now,
      );
      this.#context.audit.append(
        { kind: 'vault', id: node, now: input.now, address: null },
        { action: 'vault.initialise', subject: operatorId },
      );
      return { kind: 'initialised' };
    });
  readonly useAuditKey: VaultWithoutClose['useAuditKey'] = (authenticator) => this.#context.audit.use(authenticator);
  readonly machineByIdentity: VaultWithoutClose['machineByIdentity'] = (id) => look(() => this.#sql.machine.get(id) ?? null);
  readonly operatorByIdentity: VaultWithoutClose['operatorByIdentity'] = (id) => look(() => this.#sql.operator.get(id) ?? null);
  readonly lastSeenAt: VaultWithoutClose['lastSeenAt'] = ({ kind, id, now }) =>
    look(() => (kind === 'machine' ? this.#sql.machineSeen : this.#sql.operatorSeen).get({ id, until: now + clockSlackMs }) ?? null);
  readonly useNonce: VaultWithoutClose['useNonce'] = (caller) => this.#context.commits.run(() => this.#context.admission.nonceOf(caller));
  readonly addressLock: VaultWithoutClose['addressLock'] = (input) => look(() => this.#lockOf(input.address, input.now));
  readonly recordFailedAuthentication: VaultWithoutClose['recordFailedAuthentication'] = (input) =>
    this.#context.commits.run(() => {
      this.#sql.insertFailure.run(input.address, input.now);
      const failures = this.#sql.countFailures.get(input.address, input.now - input.windowMs, input.now + clockSlackMs) ?? 0;
      if (failures < input.limit) return this.#lockOf(input.address, input.now);
      this.#sql.lock.run(input.address, input.now + input.lockMs);
      this.#sql.clearFailures.run(input.address);
      return input.now + input.lockMs;
    });
  readonly status: VaultWithoutClose['status'] = (input) =>
    this.#context.commits.run(() => this.#context.admission.operator(input.caller) ?? done(this.#sql.status.get() as VaultStatus));
  readonly auditEntries: VaultWithoutClose['auditEntries'] = async (input) => {
    const refused = await this.#context.commits.run(() => this.#context.admission.operator(input.caller));
    if (refused !== null) return refused;
    const before = input.before ?? (this.#sql.newestAudit.get() ?? 0) + 1;
    return done(
      input.secretId === null ? this.#sql.auditAll.all(before, input.limit) : await this.#auditOf(input.secretId, before, input.limit),
    );
  };
  readonly auditHeads: VaultWithoutClose['auditHeads'] = () => look(() => this.#context.audit.heads());

  #lockOf(address: string, now: number): number | null {
    return this.#sql.lockOf.get(address, now, now + longestLockMs) ?? null;
  }

  /** Walks backwards through the log, a stretch at a time: an index by subject would cost every read more than this. */
  async #auditOf(secretId: string, before: number, limit: number): Promise<AuditEntrySummary[]> {
    const found: AuditEntrySummary[] = [];
    for (let end = before; end > 1 && found.length < limit; end -= auditStretch) {
      await pause();
      found.push(...(await look(() => this.#sql.auditOf.all(secretId, end - auditStretch, end, limit - found.length))));
    }
    return found;
  }
}

function prepare(db: StoreContext['db']) {
  const identity = 'name, public_key AS publicKey, fingerprint';
  const entry = 'sequence, at, actor_kind AS actorKind, actor_id AS actorId, action, subject, outcome, detail';
  return {
    vault: db.prepare<[], VaultRecord>('SELECT vault_id AS vaultId, created_at AS createdAt, verifier AS rootKeyVerifier FROM vault'),
    insertVault: db.prepare(
      'INSERT INTO vault (only, vault_id, node, event_stream, oldest_event, verifier, created_at, age_counted_at) VALUES (1, ?, ?, ?, 0, ?, ?, ?)',
    ),
    insertOperator: db.prepare('INSERT INTO operators (operator_id, name, public_key, fingerprint, created_at) VALUES (?, ?, ?, ?, ?)'),
    machine: db.prepare<[string], IdentityRecord>(`SELECT machine_id AS id, ${identity} FROM machines WHERE machine_id = ?`),
    operator: db.prepare<[string], IdentityRecord>(`SELECT operator_id AS id, ${identity} FROM operators WHERE operator_id = ?`),
    machineSeen: db
      .prepare<SeenUntil, number | null>(
        `SELECT max(seen) FROM (SELECT last_seen_at AS seen FROM machines WHERE machine_id = @id
           UNION ALL SELECT refused_at FROM machines WHERE machine_id = @id) WHERE seen <= CAST(@until AS INTEGER)`,
      )
      .pluck(),
    operatorSeen: db
      .prepare<SeenUntil, number>('SELECT last_seen_at FROM operators WHERE operator_id = @id AND last_seen_at <= CAST(@until AS INTEGER)')
      .pluck(),
    lockOf: db
      .prepare<[string, number, number], number>('SELECT until FROM address_locks WHERE address = ? AND until > ? AND until <= ?')
      .pluck(),
    insertFailure: db.prepare('INSERT INTO failed_authentications (address, at) VALUES (?, ?)'),
    countFailures: db
      .prepare<[string, number, number], number>('SELECT count(*) FROM failed_authentications WHERE address = ? AND at > ? AND at <= ?')
      .pluck(),
    clearFailures: db.prepare('DELETE FROM failed_authentications WHERE address = ?'),
    lock: db.prepare('INSERT INTO address_locks (address, until) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET until = excluded.until'),
    status: db.prepare<[], VaultStatus>(
      `SELECT (SELECT count(*) FROM projects) AS projects, (SELECT count(*) FROM secrets WHERE deleted_at IS NULL) AS secrets,
         (SELECT count(*) FROM machines) AS machines, (SELECT count(*) FROM machines WHERE state = 'pending') AS pendingMachines,
         (SELECT count(*) FROM rotations WHERE state IN ('pending', 'promoted')) AS rotationsInFlight,
         (SELECT coalesce(max(sequence), 0) FROM audit) AS auditSequence`,
    ),
    auditAll: db.prepare<[number, number], AuditEntrySummary>(
      `SELECT ${entry} FROM audit WHERE sequence < ? ORDER BY sequence DESC LIMIT ?`,
    ),
    auditOf: db.prepare<[string, number, number, number], AuditEntrySummary>(
      `SELECT ${entry} FROM audit WHERE subject = ? AND sequence >= ? AND sequence < ? ORDER BY sequence DESC LIMIT ?`,
    ),
    newestAudit: db.prepare<[], number>('SELECT max(sequence) FROM audit').pluck(),
  };
}
