/** The machine plane: reads with their holds, lists, polls, acknowledgements. `readLiveSecret` is the hot path. */
import type {
  ListedSecret,
  MachineCaller,
  Outcome,
  PolledChange,
  PolledVersion,
  RefusalReason,
  SecretKind,
  ServedSecret,
} from '../records.ts';
import type { ReadOperations } from '../storage.ts';
import { done, refuse } from './admission.ts';
import type { StoreContext } from './context.ts';
import { parseList } from './machine-operations.ts';
import type { RotationChanges } from './rotation-changes.ts';

interface LiveRow {
  readonly projectId: string;
  readonly wrappedProjectKey: Buffer;
  readonly name: string;
  readonly kind: SecretKind;
  readonly version: number;
  readonly fieldNames: string | null;
  readonly sealed: Buffer;
  readonly member: string | null;
  readonly granted: string | null;
  /** What this machine fetched last; null when nothing. */
  readonly fetched: number | null;
}

interface ListedRow extends Omit<ListedSecret, 'fieldNames' | 'mayRead' | 'mayRotate'> {
  readonly fieldNames: string | null;
  readonly mayRead: string | null;
  readonly mayRotate: string | null;
}

interface ReaderName {
  readonly instance: string | null;
  readonly pool: string | null;
}

const unnamed: ReaderName = { instance: null, pool: null };

export class Reads implements ReadOperations {
  readonly #context: StoreContext;
  readonly #changes: RotationChanges;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext, changes: RotationChanges) {
    this.#context = context;
    this.#changes = changes;

    this.#sql = prepare(context.db);
  }

  readonly readLiveSecret: ReadOperations['readLiveSecret'] = (input) =>
    this.#byMachine(input.caller, () => this.#read(input.caller, input.secretId, input));
  readonly listForMachine: ReadOperations['listForMachine'] = (input) =>
    this.#byMachine(input.caller, () => this.#listed(input.caller, input.projectId));
  readonly exportSecrets: ReadOperations['exportSecrets'] = (input) =>
    this.#byMachine(input.caller, () => {
      const list = this.#listed(input.caller, input.projectId);
      if (list.kind === 'refused') return list;
      const served: ServedSecret[] = [];
      for (const { secretId, mayRead } of list.value) {
        const row = mayRead ? this.#sql.live.get(input.caller.id, input.caller.id, input.caller.id, secretId) : undefined;
        if (row !== undefined) served.push(this.#serve(input.caller, secretId, row, unnamed));
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
  readonly #serve = (caller: MachineCaller, secretId: string, row: LiveRow, reader: ReaderName): ServedSecret => {
    const { version, kind } = row;
    if (kind === 'managed') this.#changes.holds.record({ secretId, version, machineId: caller.id, ...reader, now: caller.now });
    if (row.fetched !== version) this.#sql.setFetched.run(caller.id, secretId, version);
    this.#context.audit.append(caller, { action: 'secret.read', subject: secretId, detail: `v${version}` });
    return {
      secretId,
      projectId: row.projectId,
      wrappedProjectKey: row.wrappedProjectKey,
      name: row.name,
      kind,
      version,
      fieldNames: row.fieldNames === null ? null : parseList(row.fieldNames),
      sealed: row.sealed,
    };
  };

  readonly #read = (caller: MachineCaller, secretId: string, reader: ReaderName): Outcome<ServedSecret> => {
    const row = this.#sql.live.get(caller.id, caller.id, caller.id, secretId);
    if (row === undefined) return refuse('not-found');
    if (row.granted !== null) return done(this.#serve(caller, secretId, row, reader));
    const reason: RefusalReason = row.member === null ? 'not-found' : 'no-grant';
    this.#context.audit.append(caller, { action: 'secret.read', subject: secretId, outcome: 'denied', detail: reason });
    return refuse(reason);
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
    live: db.prepare<[string, string, string, string], LiveRow>(
      `SELECT s.project_id AS projectId, p.wrapped_key AS wrappedProjectKey, s.name, s.kind, s.live_version AS version,
         s.field_names AS fieldNames, v.sealed, b.machine_id AS member, g.machine_id AS granted,
         f.version AS fetched
       FROM secrets s
       JOIN projects p ON p.project_id = s.project_id
       JOIN versions v ON v.secret_id = s.secret_id AND v.version = s.live_version
       LEFT JOIN members b ON b.machine_id = CAST(? AS TEXT) AND b.project_id = s.project_id
       LEFT JOIN grants g ON g.machine_id = CAST(? AS TEXT) AND g.secret_id = s.secret_id AND g.permission = 'read'
       LEFT JOIN fetched f ON f.machine_id = CAST(? AS TEXT) AND f.secret_id = s.secret_id
       WHERE s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL`,
    ),
    poll: db.prepare<[string, string, string, string], Pick<LiveRow, 'version' | 'member' | 'granted' | 'fetched'>>(
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
