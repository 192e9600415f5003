/** Who may do what with a managed secret: the machine's permission first, then the secret as the rules see it. */
import type { MachineCaller, Refused } from '../records.ts';
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

  constructor(context: StoreContext, rows: ManagedRows) {
    this.#context = context;
    this.#rows = rows;
    this.#access = context.db.prepare<[string, string, string], AccessRow>(
      `SELECT b.machine_id AS member, g.machine_id AS granted FROM secrets s
       LEFT JOIN members b ON b.machine_id = CAST(? AS TEXT) AND b.project_id = s.project_id
       LEFT JOIN grants g ON g.machine_id = CAST(? AS TEXT) AND g.secret_id = s.secret_id AND g.permission = 'rotate'
       WHERE s.secret_id = CAST(? AS TEXT) AND s.deleted_at IS NULL`,
    );
  }

  /** The caller's access for running an agent of this secret. */
  of(machineId: string, secretId: string): Access {
    const row = this.#access.get(machineId, machineId, secretId);
    if (row === undefined || (row.member === null && row.granted === null)) return 'gone';
    return row.granted === null ? 'denied' : 'granted';
  }

  /** Lets the caller in and loads the secret; refused as the machine plane refuses. */
  managed(caller: MachineCaller, secretId: string): LoadedManaged | Refused {
    const refused = this.#context.admission.machine(caller);
    if (refused !== null) return refused;
    const access = this.of(caller.id, secretId);
    if (access === 'gone') return refuse('not-found');
    if (access === 'denied') return refuse('no-grant');
    return this.#rows.load(secretId) ?? refuse('not-managed');
  }
}

export function isRefused(value: object): value is Refused {
  return 'kind' in value && value.kind === 'refused';
}
