/** The machine plane: reads with their holds, lists, polls, acknowledgements. `readLiveSecret` is the hot path. */
import type { ListedSecret, MachineCaller, Outcome, PolledChange, PolledVersion, SecretKind, ServedSecret } from '../records.ts';
import type { ReadOperations } from '../storage.ts';
import { done, refuse, type SeenMachine } from './admission.ts';
import type { StoreContext } from './context.ts';
import type { Reader } from './holds.ts';
import { parseList } from './machine-operations.ts';
import type { RotationChanges } from './rotation-changes.ts';

interface LiveSecret {
  readonly projectId: string;
  readonly name: string;
  readonly kind: SecretKind;
  readonly version: number;
  readonly fieldNames: string | null;
  readonly sealed: Buffer;
  /** What this machine fetched last; null when nothing. */
  readonly fetched: number | null;
}

/** A machine beside one secret; of one that does not exist everything is null. */
type LiveRow = SeenMachine & { readonly isMember: 0 | 1; readonly isGranted: 0 | 1 } & (
    | LiveSecret
    | { readonly [Column in keyof LiveSecret]: null }
  );

interface PolledRow {
  readonly version: number;
  readonly member: string | null;
  readonly granted: string | null;
  readonly fetched: number | null;
}

interface ListedRow extends Omit<ListedSecret, 'fieldNames' | 'mayRead' | 'mayRotate'> {
  readonly fieldNames: string | null;
  readonly mayRead: string | null;
  readonly mayRotate: string | null;
}

const unnamed: Reader = { instance: null, pool: null };

export class Reads implements ReadOperations {
  readonly #context: StoreContext;
  readonly #changes: RotationChanges;
  readonly #sql: ReturnType<typeof prepare>;
  /** Wrapped, by project: a project never gets another key, and reading one again costs as much as a look at two tables. */
  readonly #projectKeys = new Map<string, Uint8Array>();

  constructor(context: StoreContext, changes: RotationChanges) {
    this.#context = context;
    this.#changes = changes;
    this.#sql = prepare(context.db);
  }

  readonly readLiveSecret: ReadOperations['readLiveSecret'] = (input) =>
    this.#context.commits.run(() => this.#read(input.caller, input.secretId, input));
  readonly listForMachine: ReadOperations['listForMachine'] = (input) =>
    this.#byMachine(input.caller, () => this.#listed(input.caller, input.projectId));
  readonly exportSecrets: ReadOperations['exportSecrets'] = (input) =>
    this.#byMachine(input.caller, () => {
      const list = this.#listed(input.caller, input.projectId);
      if (list.kind === 'refused') return list;
      const served: ServedSecret[] = [];
      for (const { secretId, mayRead } of list.value) {
        const row = mayRead ? this.#sql.live.get(secretId, input.caller.id) : undefined;
        if (row !== undefined && row.sealed !== null) served.push(this.#serve(input.caller, secretId, row, unnamed));
      }
      return done(served);
    });
  readonly pollChanges: ReadOperations['pollChanges'] = (input) =>
    this.#byMachine(input.caller, () =>
      done(input.secretIds.map((secretId) => this.#polledChange(input.caller, secretId)).filter((change) => change !== null)),
    );
  readonly pollVersions: ReadOperations['pollVersions'] = (input) =>
    this.#byMachine(input.caller, () => done(input.secretIds.map((secretId) => this.#polledVersion(input.caller, secretId))));
  readonly acknowledge: ReadOperations['acknowledge'] = (input) =>
    this.#byMachine(input.caller, () => {
      const { caller, secretId, instance, pool } = input;
      const row = this.#sql.poll.get(caller.id, caller.id, caller.id, secretId);
      if (row === undefined || (row.granted === null && row.member === null)) return refuse('not-found');
      const version = Math.min(input.version, row.version);
      if (this.#changes.holds.acknowledge(secretId, caller.id, instance, pool, version) === 0) return done(null);
      this.#context.audit.append(caller, { action: 'secret.acknowledge', subject: secretId, detail: `v${version} ${instance}` });
      this.#changes.announceIfClear(secretId, caller.now);
      return done(null);
    });
  readonly endInstance: ReadOperations['endInstance'] = (input) =>
    this.#byMachine(input.caller, () => {
      const { caller, instance } = input;
      const secretIds = this.#changes.holds.endInstance(caller.id, instance);
      if (secretIds.length === 0) return done(null);
      this.#context.audit.append(caller, { action: 'instance.end', subject: caller.id, detail: instance });
      for (const secretId of secretIds) this.#changes.announceIfClear(secretId, caller.now);
      return done(null);
    });

  readonly #byMachine = <Value>(caller: MachineCaller, work: () => Outcome<Value>): Promise<Outcome<Value>> =>
    this.#context.commits.run(() => this.#context.admission.machine(caller) ?? work());

  /** Hands out one live version: hold, last fetched, this.#context.audit. */
  readonly #serve = (caller: MachineCaller, secretId: string, row: LiveSecret, reader: Reader): ServedSecret => {
    const { version, kind } = row;
    if (kind === 'managed') this.#changes.holds.record({ secretId, version, machineId: caller.id, reader, now: caller.now });
    if (row.fetched !== version) this.#sql.setFetched.run(caller.id, secretId, version);
    this.#context.audit.append(caller, { action: 'secret.read', subject: secretId, detail: `v${version}` });
    return {
      secretId,
      projectId: row.projectId,
      wrappedProjectKey: this.#projectKey(row.projectId),
      name: row.name,
      kind,
      version,
      fieldNames: row.fieldNames === null ? null : parseList(row.fieldNames),
      sealed: row.sealed,
    };
  };

  readonly #read = (caller: MachineCaller, secretId: string, reader: Reader): Outcome<ServedSecret> => {
    const row = this.#sql.live.get(secretId, caller.id);
    const refused = this.#context.admission.machineAsFound(caller, row);
    if (refused !== null) return refused;
    if (row === undefined || row.sealed === null) return refuse('not-found');
    if (row.isGranted === 1) return done(this.#serve(caller, secretId, row, reader));
    const reason = row.isMember === 1 ? 'no-grant' : 'not-found';
    this.#context.audit.append(caller, { action: 'secret.read', subject: secretId, outcome: 'denied', detail: reason });
    return refuse(reason);
  };

  readonly #projectKey = (projectId: string): Uint8Array => {
    const known = this.#projectKeys.get(projectId);
    if (known !== undefined) return known;
    const key = this.#sql.projectKey.get(projectId);
    if (key === undefined) throw new Error('a secret of no project');
    this.#projectKeys.set(projectId, key);
    return key;
  };

  readonly #listed = (caller: MachineCaller, projectId: string | null): Outcome<ListedSecret[]> => {
    if (projectId !== null && this.#sql.member.get(caller.id, projectId) === undefined) return refuse('not-found');
    const rows = this.#sql.list.all(caller.id, caller.id, caller.id).filter((row) => projectId === null || row.projectId === projectId);
    return done(
      rows.map((row) => ({
        ...row,
        fieldNames: row.fieldNames === null ? null : parseList(row.fieldNames),
        mayRead: row.mayRead !== null,
        mayRotate: row.mayRotate !== null,
      })),
    );
  };

  readonly #polledChange = (caller: MachineCaller, secretId: string): PolledChange | null => {
    const row = this.#sql.poll.get(caller.id, caller.id, caller.id, secretId);
    if (row === undefined) return { secretId, status: 'deleted' };
    if (row.granted === null) return { secretId, status: row.member === null && row.fetched === null ? 'deleted' : 'access_denied' };
    if (row.fetched === null) this.#sql.setFetched.run(caller.id, secretId, row.version);
    return row.fetched === null || row.fetched === row.version ? null : { secretId, status: 'changed' };
  };

  readonly #polledVersion = (caller: MachineCaller, secretId: string): PolledVersion => {
    const row = this.#sql.poll.get(caller.id, caller.id, caller.id, secretId);
    if (row === undefined || (row.granted === null && row.member === null)) return { secretId, status: 'deleted', version: null };
    return row.granted === null ? { secretId, status: 'denied', version: null } : { secretId, status: 'ok', version: row.version };
  };
}

function prepare(db: StoreContext['db']) {
  return {
    /** The secret, then the machine. */
    live: db.prepare<[string, string], LiveRow>(
      `SELECT m.state, m.last_seen_at AS lastSeenAt, m.seen_signed_at AS seenSignedAt,
         s.project_id AS projectId, s.name, s.kind, s.live_version AS version, s.field_names AS fieldNames,
         v.sealed, b.machine_id IS NOT NULL AS isMember, g.machine_id IS NOT NULL AS isGranted, f.version AS fetched
       FROM machines m
       LEFT JOIN secrets s ON s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL
       LEFT JOIN versions v ON v.secret_id = s.secret_id AND v.version = s.live_version
       LEFT JOIN members b ON b.machine_id = m.machine_id AND b.project_id = s.project_id
       LEFT JOIN grants g ON g.machine_id = m.machine_id AND g.secret_id = s.secret_id AND g.permission = 'read'
       LEFT JOIN fetched f ON f.machine_id = m.machine_id AND f.secret_id = s.secret_id
       WHERE m.machine_id = CAST(? AS TEXT)`,
    ),
    projectKey: db.prepare<[string], Buffer>('SELECT wrapped_key FROM projects WHERE project_id = ?').pluck(),
    poll: db.prepare<[string, string, string, string], PolledRow>(
      `SELECT s.live_version AS version, b.machine_id AS member, g.machine_id AS granted,
         f.version AS fetched
       FROM secrets s
       LEFT JOIN members b ON b.machine_id = CAST(? AS TEXT) AND b.project_id = s.project_id
       LEFT JOIN grants g ON g.machine_id = CAST(? AS TEXT) AND g.secret_id = s.secret_id AND g.permission = 'read'
       LEFT JOIN fetched f ON f.machine_id = CAST(? AS TEXT) AND f.secret_id = s.secret_id
       WHERE s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL`,
    ),
    setFetched: db.prepare<[string, string, number]>(
      `INSERT INTO fetched (machine_id, secret_id, version) VALUES (?, ?, ?)
       ON CONFLICT (machine_id, secret_id) DO UPDATE SET version = excluded.version`,
    ),
    member: db.prepare<[string, string], number>('SELECT 1 FROM members WHERE machine_id = ? AND project_id = ?').pluck(),
    list: db.prepare<[string, string, string], ListedRow>(
      `SELECT s.secret_id AS secretId, s.project_id AS projectId, s.name, s.kind, s.live_version AS version, s.field_names AS fieldNames,
         r.machine_id AS mayRead, o.machine_id AS mayRotate
       FROM (SELECT DISTINCT secret_id FROM grants WHERE machine_id = CAST(? AS TEXT)) mine
       JOIN secrets s ON s.secret_id = mine.secret_id
       LEFT JOIN grants r ON r.machine_id = CAST(? AS TEXT) AND r.secret_id = s.secret_id AND r.permission = 'read'
       LEFT JOIN grants o ON o.machine_id = CAST(? AS TEXT) AND o.secret_id = s.secret_id AND o.permission = 'rotate'
       WHERE s.deleted_at IS NULL
       ORDER BY s.created_at, s.secret_id`,
    ),
  };
}
