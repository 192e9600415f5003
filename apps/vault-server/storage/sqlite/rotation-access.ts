/** The one door to a managed secret: the caller's permission first, then the secret as the rules see it, all in one commit. */
import type { MachineCaller, OperatorCaller, Outcome, Refused } from '../records.ts';
import { refuse } from './admission.ts';
import type { StoreContext } from './context.ts';
import type { LoadedManaged, ManagedRows } from './managed-rows.ts';

interface AccessRow {
  readonly member: string | null;
  readonly granted: string | null;
}

export type Access = 'granted' | 'denied' | 'gone';

export class RotationAccess {
  readonly #context: StoreContext;
  readonly #rows: ManagedRows;
  readonly #access;
  readonly #exists;

  constructor(context: StoreContext, rows: ManagedRows) {
    this.#context = context;
    this.#rows = rows;
    this.#access = context.db.prepare<[string, string, string], AccessRow>(
      `SELECT b.machine_id AS member, g.machine_id AS granted FROM secrets s
       LEFT JOIN members b ON b.machine_id = CAST(? AS TEXT) AND b.project_id = s.project_id
       LEFT JOIN grants g ON g.machine_id = CAST(? AS TEXT) AND g.secret_id = s.secret_id AND g.permission = 'rotate'
       WHERE s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL`,
    );
    this.#exists = context.db.prepare<[string], number>('SELECT 1 FROM secrets WHERE secret_id = ? AND deleted_at IS NULL').pluck();
  }

  /** The caller's access for running an agent of this secret. */
  of(machineId: string, secretId: string): Access {
    const row = this.#access.get(machineId, machineId, secretId);
    if (row === undefined || (row.member === null && row.granted === null)) return 'gone';
    return row.granted === null ? 'denied' : 'granted';
  }

  /** One commit: lets the caller in, loads the managed secret, and does the work; refused without it where either fails. */
  onManaged<Value>(
    input: { readonly caller: MachineCaller | OperatorCaller; readonly secretId: string },
    work: (loaded: LoadedManaged) => Outcome<Value>,
  ): Promise<Outcome<Value>> {
    const { caller, secretId } = input;
    return this.#context.commits.run(() => {
      const loaded = caller.kind === 'machine' ? this.#forMachine(caller, secretId) : this.#forOperator(caller, secretId);
      return isRefused(loaded) ? loaded : work(loaded);
    });
  }

  #forMachine(caller: MachineCaller, secretId: string): LoadedManaged | Refused {
    const refused = this.#context.admission.machine(caller);
    if (refused !== null) return refused;
    const access = this.of(caller.id, secretId);
    if (access === 'gone') return refuse('not-found');
    if (access === 'denied') return refuse('no-grant');
    return this.#rows.load(secretId) ?? refuse('not-managed');
  }

  #forOperator(caller: OperatorCaller, secretId: string): LoadedManaged | Refused {
    const refused = this.#context.admission.operator(caller);
    if (refused !== null) return refused;
    return this.#rows.load(secretId) ?? refuse(this.#exists.get(secretId) === undefined ? 'not-found' : 'not-managed');
  }
}

function isRefused(value: object): value is Refused {
  return 'kind' in value && value.kind === 'refused';
}
