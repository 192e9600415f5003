/** Who holds which version of a managed secret (rotation-protocol.md rule 3). Unnamed readers have an empty instance. */
import { type ActiveRotation, readersOutside } from '../../managed/rules.ts';
import type { ReaderHold } from '../records.ts';
import type { Database } from './database.ts';

interface HoldRow {
  readonly machineId: string;
  readonly machineName: string;
  readonly instance: string;
  readonly pool: string;
  readonly version: number;
}

/** Stands for all applications that use the adopted password without asking the vault for it. */
const outside = { kind: 'unnamed-reader', machineId: 'outside', machineName: 'applications not yet using the vault' } as const;

export class Holds {
  readonly #record;
  readonly #of;
  readonly #count;
  readonly #acknowledge;
  readonly #endInstance;
  readonly #secretsOfInstance;
  readonly #clearVersion;
  readonly #clearSecret;

  constructor(db: Database) {
    this.#record = db.prepare<[string, number, string, string, string, number]>(
      'INSERT INTO holds (secret_id, version, machine_id, instance, pool, since) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#of = db.prepare<[string, number, number], HoldRow>(
      `SELECT h.machine_id AS machineId, m.name AS machineName, h.instance, h.pool, h.version
       FROM holds h JOIN machines m ON m.machine_id = h.machine_id
       WHERE h.secret_id = CAST(? AS TEXT) AND h.version = CAST(? AS INTEGER) ORDER BY h.since LIMIT ?`,
    );
    this.#count = db.prepare<[string, number], number>('SELECT count(*) FROM holds WHERE secret_id = ? AND version = ?').pluck();
    this.#acknowledge = db.prepare<[string, string, string, string, number]>(
      'DELETE FROM holds WHERE secret_id = ? AND machine_id = ? AND instance = ? AND pool = ? AND version < ?',
    );
    this.#endInstance = db.prepare<[string, string]>('DELETE FROM holds WHERE machine_id = ? AND instance = ?');
    this.#secretsOfInstance = db
      .prepare<[string, string], string>('SELECT DISTINCT secret_id FROM holds WHERE machine_id = ? AND instance = ?')
      .pluck();
    this.#clearVersion = db.prepare<[string, number]>('DELETE FROM holds WHERE secret_id = ? AND version = ?');
    this.#clearSecret = db.prepare<[string]>('DELETE FROM holds WHERE secret_id = ?');
  }

  record(hold: {
    readonly secretId: string;
    readonly version: number;
    readonly machineId: string;
    readonly instance: string | null;
    readonly pool: string | null;
    readonly now: number;
  }): void {
    this.#record.run(hold.secretId, hold.version, hold.machineId, hold.instance ?? '', hold.pool ?? '', hold.now);
  }

  /** Who may still use the version that drains, those outside the vault first. */
  of(secretId: string, active: ActiveRotation, limit: number): ReaderHold[] {
    const { previous } = active;
    if (previous === null) return [];
    const named = this.#of.all(secretId, previous.version, limit).map(
      (row): ReaderHold => ({
        kind: row.instance === '' ? 'unnamed-reader' : 'reader',
        machineId: row.machineId,
        machineName: row.machineName,
        instance: row.instance === '' ? null : row.instance,
        pool: row.instance === '' ? null : row.pool,
        version: row.version,
      }),
    );
    const unknown = readersOutside(active) === 0 ? [] : [{ ...outside, instance: null, pool: null, version: previous.version }];
    return [...unknown, ...named].slice(0, limit);
  }

  count(secretId: string, active: ActiveRotation): number {
    const { previous } = active;
    return previous === null ? 0 : readersOutside(active) + (this.#count.get(secretId, previous.version) ?? 0);
  }

  /** Returns how many holds on older versions it cleared. */
  acknowledge(secretId: string, machineId: string, instance: string, pool: string, version: number): number {
    return this.#acknowledge.run(secretId, machineId, instance, pool, version).changes;
  }

  /** Returns the secrets that this instance held. */
  endInstance(machineId: string, instance: string): readonly string[] {
    const secrets = this.#secretsOfInstance.all(machineId, instance);
    if (secrets.length > 0) this.#endInstance.run(machineId, instance);
    return secrets;
  }

  clearVersion(secretId: string, version: number): void {
    this.#clearVersion.run(secretId, version);
  }

  clearSecret(secretId: string): void {
    this.#clearSecret.run(secretId);
  }
}
