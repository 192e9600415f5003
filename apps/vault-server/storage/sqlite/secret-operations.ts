/** Projects and secrets as operators keep them. Values arrive sealed by the caller's function; none is ever looked into. */
import { isBusy } from '../../managed/rules.ts';
import { ageAt } from '../../managed/vault-age.ts';
import type {
  NewManagedVersion,
  OperatorCaller,
  Outcome,
  ProjectSummary,
  SealedVersion,
  SecretKind,
  SecretSummary,
  VersionSummary,
} from '../records.ts';
import type { NewManagedSecret, SecretOperations } from '../storage.ts';
import { done, refuse } from './admission.ts';
import type { StoreContext } from './context.ts';
import { newIdentifier } from './identifiers.ts';
import type { RotationChanges } from './rotation-changes.ts';
import { firstLogin, managedFieldNames, SecretSummaries } from './secret-summaries.ts';

interface SecretRow {
  readonly projectId: string;
  readonly wrappedProjectKey: Buffer;
  readonly kind: SecretKind;
  readonly liveVersion: number;
  readonly lastVersion: number;
}

interface VersionRow {
  readonly sealed: Buffer | null;
  readonly fieldNames: string | null;
}

/** For how long the values of a deleted ordinary secret stay, sealed. */
const ordinaryHorizonMs = 30 * 86_400_000;

type By = { readonly caller: OperatorCaller };

export class Secrets implements SecretOperations {
  readonly #context: StoreContext;
  readonly #changes: RotationChanges;
  readonly #summaries: SecretSummaries;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext, changes: RotationChanges) {
    this.#context = context;
    this.#changes = changes;
    this.#summaries = new SecretSummaries(context.db);
    this.#sql = prepare(context.db);
  }

  readonly createProject: SecretOperations['createProject'] = (input) =>
    this.#byOperator(input.caller, () => {
      if (this.#sql.projectNamed.get(input.name) !== undefined) return refuse('name-taken');
      const projectId = newIdentifier(this.#context.random, 'proj_');
      this.#sql.insertProject.run(projectId, input.name, input.wrapKey(projectId), input.caller.now);
      this.#context.audit.append(input.caller, { action: 'project.create', subject: projectId });
      return done({ projectId, name: input.name, createdAt: input.caller.now, secrets: 0, machines: 0 });
    });
  readonly listProjects: SecretOperations['listProjects'] = (input) => this.#byOperator(input.caller, () => done(this.#sql.projects.all()));
  readonly createSecret: SecretOperations['createSecret'] = (input) =>
    this.#byOperator(input.caller, () => {
      const made = this.#create(input, input.fieldNames === null ? 'plain' : 'structured', input.seal, null);
      if (typeof made === 'string') return refuse(made);
      this.#context.audit.append(input.caller, { action: 'secret.create', subject: made.secretId });
      return this.#shown(made.secretId, input.caller.now);
    });
  readonly createManagedSecret: SecretOperations['createManagedSecret'] = (input) =>
    this.#byOperator(input.caller, () => {
      const { host, port, database, passwordLength } = input;
      const managed = { ...firstLogin(input.username), host, port, database, passwordLength };
      const made = this.#create({ ...input, fieldNames: managedFieldNames }, 'managed', input.seal, managed);
      if (typeof made === 'string') return refuse(made);
      this.#insertManaged(input, made.secretId, made.wrappedProjectKey);
      this.#context.audit.append(input.caller, { action: 'secret.create-managed', subject: made.secretId });
      return this.#shown(made.secretId, input.caller.now);
    });
  readonly listSecrets: SecretOperations['listSecrets'] = (input) =>
    this.#byOperator(input.caller, () => done(this.#summaries.list(input.projectId, input.caller.now)));
  readonly showSecret: SecretOperations['showSecret'] = (input) =>
    this.#byOperator(input.caller, () => this.#shown(input.secretId, input.caller.now));
  readonly updateSecret: SecretOperations['updateSecret'] = (input) =>
    this.#byOperator(input.caller, () => {
      const row = this.#sql.secret.get(input.secretId);
      if (row === undefined) return refuse('not-found');
      if (row.kind === 'managed') return refuse('managed-secret');
      const { projectId, wrappedProjectKey } = row;
      const version = row.lastVersion + 1;
      const sealed = input.seal({ projectId, wrappedProjectKey, secretId: input.secretId, version, managed: null });
      this.#replace(input.caller, input.secretId, row, input.fieldNames === null ? null : JSON.stringify(input.fieldNames), sealed);
      this.#context.audit.append(input.caller, { action: 'secret.update', subject: input.secretId, detail: `v${version}` });
      return this.#shown(input.secretId, input.caller.now);
    });
  readonly rollbackSecret: SecretOperations['rollbackSecret'] = (input) =>
    this.#byOperator(input.caller, () => {
      const row = this.#sql.secret.get(input.secretId);
      if (row === undefined) return refuse('not-found');
      if (row.kind === 'managed') return refuse('managed-secret');
      const old = this.#sql.version.get(input.secretId, input.version);
      if (old === undefined || old.sealed === null) return refuse('version-unavailable');
      const version = row.lastVersion + 1;
      const place = { projectId: row.projectId, wrappedProjectKey: row.wrappedProjectKey, secretId: input.secretId };
      const source: SealedVersion = { ...place, version: input.version, sealed: old.sealed };
      this.#replace(input.caller, input.secretId, row, old.fieldNames, input.reseal(source, { ...place, version, managed: null }));
      this.#context.audit.append(input.caller, {
        action: 'secret.rollback',
        subject: input.secretId,
        detail: `v${input.version} as v${version}`,
      });
      return this.#shown(input.secretId, input.caller.now);
    });
  readonly deleteSecret: SecretOperations['deleteSecret'] = (input) =>
    this.#byOperator(input.caller, () => {
      const { secretId, caller } = input;
      if (this.#sql.secret.get(secretId) === undefined) return refuse('not-found');
      const loaded = this.#changes.rows.load(secretId);
      if (loaded !== null && isBusy(loaded.state, caller.now)) return this.#changes.refuseInFlight(loaded, caller.now);
      for (const machineId of this.#sql.grantedMachines.all(secretId))
        this.#context.events.append(caller.now, { kind: 'secret-deleted', secretId, machineId });
      this.#sql.deleteGrants.run(secretId);
      this.#changes.holds.clearSecret(secretId);
      this.#sql.unschedule.run(secretId);
      const forgetAtAge = ageAt(this.#context.age.get(), caller.now) + (loaded?.backupHorizonMs ?? ordinaryHorizonMs);
      this.#sql.forgetVersions.run(forgetAtAge, forgetAtAge, secretId);
      this.#sql.deleteSecret.run(caller.now, secretId);
      this.#context.audit.append(caller, { action: 'secret.delete', subject: secretId });
      return done(null);
    });
  readonly listVersions: SecretOperations['listVersions'] = (input) =>
    this.#byOperator(input.caller, () => {
      if (this.#sql.secret.get(input.secretId) === undefined) return refuse('not-found');
      return done(this.#sql.versions.all(input.secretId));
    });
  readonly setSchedule: SecretOperations['setSchedule'] = (input) =>
    this.#byOperator(input.caller, () => {
      const { secretId, caller, intervalMs } = input;
      if (this.#sql.secret.get(secretId) === undefined) return refuse('not-found');
      if (this.#changes.rows.load(secretId) === null) return refuse('not-managed');
      this.#sql.setSchedule.run(intervalMs, intervalMs === null ? null : caller.now + intervalMs, input.drainDeadlineMs, secretId);
      this.#context.audit.append(caller, {
        action: 'secret.schedule',
        subject: secretId,
        detail: intervalMs === null ? 'off' : `${intervalMs} ms`,
      });
      return this.#shown(secretId, caller.now);
    });

  readonly #byOperator = <Value>(caller: OperatorCaller, work: () => Outcome<Value>): Promise<Outcome<Value>> =>
    this.#context.commits.run(() => this.#context.admission.operator(caller) ?? work());

  readonly #shown = (secretId: string, now: number): Outcome<SecretSummary> => {
    const summary = this.#summaries.find(secretId, now);
    return summary === null ? refuse('not-found') : done(summary);
  };

  readonly #create = (
    input: By & { readonly projectId: string; readonly name: string; readonly fieldNames: readonly string[] | null },
    kind: SecretKind,
    seal: Parameters<SecretOperations['createSecret']>[0]['seal'],
    managed: NewManagedVersion | null,
  ): { readonly secretId: string; readonly wrappedProjectKey: Uint8Array } | 'not-found' | 'name-taken' => {
    const wrappedProjectKey = this.#sql.projectKey.get(input.projectId);
    if (wrappedProjectKey === undefined) return 'not-found';
    if (this.#sql.nameTaken.get(input.projectId, input.name) !== undefined) return 'name-taken';
    const secretId = newIdentifier(this.#context.random, 'sk_');
    const { now } = input.caller;
    const fields = input.fieldNames === null ? null : JSON.stringify(input.fieldNames);
    const sealed = seal({ projectId: input.projectId, wrappedProjectKey, secretId, version: 1, managed });
    this.#sql.insertSecret.run(secretId, input.projectId, input.name, kind, fields, now, now);
    this.#sql.insertVersion.run(
      secretId,
      1,
      managed?.slot ?? null,
      managed?.username ?? null,
      fields,
      sealed,
      now,
      `operator:${input.caller.id}`,
    );
    return { secretId, wrappedProjectKey };
  };

  /** A new current version of an ordinary secret. */
  readonly #replace = (caller: OperatorCaller, secretId: string, row: SecretRow, fields: string | null, sealed: Uint8Array): void => {
    const version = row.lastVersion + 1;
    this.#sql.supersede.run(secretId, row.liveVersion);
    this.#sql.insertVersion.run(secretId, version, null, null, fields, sealed, caller.now, `operator:${caller.id}`);
    this.#sql.setVersion.run(version, version, fields, fields === null ? 'plain' : 'structured', caller.now, secretId);
    this.#context.events.append(caller.now, { kind: 'secret-changed', secretId, version });
  };

  readonly #insertManaged = (input: By & NewManagedSecret, secretId: string, wrappedProjectKey: Uint8Array): void => {
    const { projectId, caller } = input;
    const sealedAdmin = input.sealAdmin?.({ projectId, wrappedProjectKey, secretId }) ?? null;
    const { provider, username, host, port, database, tls, adminUser, intervalMs } = input;
    const next = intervalMs === null ? null : caller.now + intervalMs;
    this.#sql.insertManaged.run(
      ...[secretId, provider, username, host, port, database, tls, adminUser, sealedAdmin, intervalMs, next],
      ...[input.drainDeadlineMs, input.backupHorizonMs, input.passwordLength],
    );
  };
}

function prepare(db: StoreContext['db']) {
  return {
    projectNamed: db.prepare<[string], number>('SELECT 1 FROM projects WHERE name = ?').pluck(),
    insertProject: db.prepare('INSERT INTO projects (project_id, name, wrapped_key, created_at) VALUES (?, ?, ?, ?)'),
    projects: db.prepare<[], ProjectSummary>(
      `SELECT project_id AS projectId, name, created_at AS createdAt,
         (SELECT count(*) FROM secrets s WHERE s.project_id = projects.project_id AND s.deleted_at IS NULL) AS secrets,
         (SELECT count(*) FROM members m WHERE m.project_id = projects.project_id) AS machines
       FROM projects ORDER BY created_at, project_id`,
    ),
    projectKey: db.prepare<[string], Buffer>('SELECT wrapped_key FROM projects WHERE project_id = ?').pluck(),
    nameTaken: db
      .prepare<[string, string], number>('SELECT 1 FROM secrets WHERE project_id = ? AND name = ? AND deleted_at IS NULL')
      .pluck(),
    insertSecret: db.prepare(
      `INSERT INTO secrets (secret_id, project_id, name, kind, live_version, last_version, field_names, created_at, updated_at)
       VALUES (?, ?, ?, ?, 1, 1, ?, ?, ?)`,
    ),
    insertVersion: db.prepare(
      `INSERT INTO versions (secret_id, version, label, slot, username, field_names, sealed, created_at, created_by)
       VALUES (?, ?, 'current', ?, ?, ?, ?, ?, ?)`,
    ),
    insertManaged: db.prepare(
      `INSERT INTO managed (secret_id, provider, strategy, owner, host, port, database, tls, admin_user, sealed_admin, interval_ms,
         next_rotation_at, drain_deadline_ms, backup_horizon_ms, password_length)
       VALUES (?, ?, 'single', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    secret: db.prepare<[string], SecretRow>(
      `SELECT s.project_id AS projectId, p.wrapped_key AS wrappedProjectKey, s.kind, s.live_version AS liveVersion,
         s.last_version AS lastVersion
       FROM secrets s JOIN projects p ON p.project_id = s.project_id WHERE s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL`,
    ),
    supersede: db.prepare("UPDATE versions SET label = 'superseded' WHERE secret_id = ? AND version = ?"),
    setVersion: db.prepare(
      'UPDATE secrets SET live_version = ?, last_version = ?, field_names = ?, kind = ?, updated_at = ? WHERE secret_id = ?',
    ),
    version: db.prepare<[string, number], VersionRow>(
      'SELECT sealed, field_names AS fieldNames FROM versions WHERE secret_id = ? AND version = ?',
    ),
    versions: db.prepare<[string], VersionSummary>(
      `SELECT version, label, slot, created_at AS createdAt, created_by AS createdBy FROM versions WHERE secret_id = ?
       ORDER BY version DESC`,
    ),
    grantedMachines: db.prepare<[string], string>('SELECT DISTINCT machine_id FROM grants WHERE secret_id = ?').pluck(),
    deleteGrants: db.prepare('DELETE FROM grants WHERE secret_id = ?'),
    unschedule: db.prepare('UPDATE managed SET next_rotation_at = NULL WHERE secret_id = ?'),
    forgetVersions: db.prepare(
      'UPDATE versions SET forget_at_age = min(coalesce(forget_at_age, ?), ?) WHERE secret_id = ? AND sealed IS NOT NULL',
    ),
    deleteSecret: db.prepare('UPDATE secrets SET deleted_at = ? WHERE secret_id = ?'),
    setSchedule: db.prepare(
      'UPDATE managed SET interval_ms = ?, next_rotation_at = ?, drain_deadline_ms = coalesce(?, drain_deadline_ms) WHERE secret_id = ?',
    ),
  };
}
