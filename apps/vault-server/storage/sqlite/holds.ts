/** Who holds which version of a managed secret (rotation-protocol.md rule 3). */
import { type ActiveRotation, readersOutside } from '../../managed/rules.ts';
import { ageAt, timeOfAge, type VaultAge } from '../../managed/vault-age.ts';
import type { CommandLineRead, DrainInTheWay, ReaderHold } from '../records.ts';
import type { AgeRow } from './age-row.ts';
import type { Database } from './database.ts';

type HoldKind = 'process' | 'command-line' | 'published';

interface HoldRow {
  readonly machineId: string;
  readonly machineName: string;
  readonly kind: HoldKind;
  readonly instance: string;
  readonly pool: string;
  readonly version: number;
  readonly reads: number;
  readonly lastReadAt: number;
  readonly heldUntilAge: number | null;
}

/** Who read it: a process by its instance and pool, a command line, or (neither is said) a published client. */
export interface Reader {
  readonly instance: string | null;
  readonly pool: string | null;
  readonly commandLine?: CommandLineRead | undefined;
}

/** Hold-outs named in one answer; the count is exact. */
export const namedHoldOuts = 20;

const uncounted = { reads: 1, lastReadAt: null, heldUntil: null } as const;
/** Stands for all applications that use the adopted password without asking the vault for it. */
const outside = { kind: 'unnamed-reader', machineId: 'outside', machineName: 'applications not yet using the vault' } as const;

export class Holds {
  readonly #sql: ReturnType<typeof prepare>;
  readonly #age: AgeRow;

  constructor(db: Database, age: AgeRow) {
    this.#sql = prepare(db);
    this.#age = age;
  }

  record(hold: {
    readonly secretId: string;
    readonly version: number;
    readonly machineId: string;
    readonly reader: Reader;
    readonly now: number;
  }): void {
    const { secretId, version, machineId, reader, now } = hold;
    const { instance, pool, commandLine } = reader;
    if (commandLine === undefined && instance !== null) {
      this.#sql.process.run(secretId, version, machineId, instance, pool ?? '', now, now);
      return;
    }
    const heldForMs = commandLine?.heldForMs ?? null;
    const kind: HoldKind = commandLine === undefined ? 'published' : 'command-line';
    this.#sql.uncertain.run(
      secretId,
      version,
      machineId,
      kind,
      now,
      now,
      heldForMs === null ? null : ageAt(this.#age.get(), now) + heldForMs,
    );
  }

  /** Who may still use the version that drains, those outside the vault first. */
  of(secretId: string, active: ActiveRotation, limit: number, now: number): ReaderHold[] {
    const { previous } = active;
    if (previous === null) return [];
    const age = this.#age.get();
    const named = this.#sql.of.all(secretId, previous.version, age.ageMs, limit).map((row) => readerHoldOf(row, age, now));
    const unknown =
      readersOutside(active) === 0 ? [] : [{ ...outside, ...uncounted, instance: null, pool: null, version: previous.version }];
    return [...unknown, ...named].slice(0, limit);
  }

  /** What the next rotation has to wait for; null while nothing drains. */
  inTheWay(secretId: string, active: ActiveRotation | null, now: number): DrainInTheWay | null {
    if (active?.previous == null) return null;
    const drainDeadlineAt = active.drainEndsAtAge === null ? null : timeOfAge(active.drainEndsAtAge, this.#age.get(), now);
    return { holdOuts: this.of(secretId, active, namedHoldOuts, now), holdOutCount: this.count(secretId, active), drainDeadlineAt };
  }

  count(secretId: string, active: ActiveRotation): number {
    const { previous } = active;
    return previous === null ? 0 : readersOutside(active) + (this.#sql.count.get(secretId, previous.version) ?? 0);
  }

  /** Returns how many holds on older versions it cleared. */
  acknowledge(secretId: string, machineId: string, instance: string, pool: string, version: number): number {
    return this.#sql.acknowledge.run(secretId, machineId, instance, pool, version).changes;
  }

  /** Returns the secrets that this instance held. */
  endInstance(machineId: string, instance: string): readonly string[] {
    const secrets = this.#sql.secretsOfInstance.all(machineId, instance);
    if (secrets.length > 0) this.#sql.endInstance.run(machineId, instance);
    return secrets;
  }

  /** Ends the holds whose own time is over. Returns their secrets. */
  endOverdue(ageMs: number, limit: number): readonly string[] {
    const overdue = this.#sql.overdue.all(ageMs, limit);
    for (const { secretId, version, machineId, kind } of overdue) this.#sql.endUncertain.run(secretId, version, machineId, kind);
    return overdue.map(({ secretId }) => secretId);
  }

  clearVersion(secretId: string, version: number): void {
    this.#sql.clearVersion.run(secretId, version);
  }

  clearSecret(secretId: string): void {
    this.#sql.clearSecret.run(secretId);
  }
}

function readerHoldOf(row: HoldRow, age: VaultAge, now: number): ReaderHold {
  const { machineId, machineName, version, instance, pool, reads, lastReadAt, heldUntilAge } = row;
  if (row.kind === 'process') return { kind: 'reader', machineId, machineName, instance, pool, version, ...uncounted };
  const kind = row.kind === 'published' ? 'published-client' : 'command-line';
  const heldUntil = heldUntilAge === null ? null : timeOfAge(heldUntilAge, age, now);
  return { kind, machineId, machineName, instance: null, pool: null, version, reads, lastReadAt, heldUntil };
}

function prepare(db: Database) {
  return {
    process: db.prepare<[string, number, string, string, string, number, number]>(
      `INSERT INTO holds (secret_id, version, machine_id, kind, instance, pool, since, last_read_at, reads)
       VALUES (?, ?, ?, 'process', ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING`,
    ),
    /** Nobody acknowledges these, so the longest of them counts. */
    uncertain: db.prepare<[string, number, string, HoldKind, number, number, number | null]>(
      `INSERT INTO holds (secret_id, version, machine_id, kind, instance, pool, since, last_read_at, reads, held_until_age)
       VALUES (?, ?, ?, ?, '', '', ?, ?, 1, ?)
       ON CONFLICT DO UPDATE SET reads = reads + 1, last_read_at = max(last_read_at, excluded.last_read_at),
         held_until_age = CASE WHEN held_until_age IS NULL OR excluded.held_until_age IS NULL THEN NULL
           ELSE max(held_until_age, excluded.held_until_age) END`,
    ),
    of: db.prepare<[string, number, number, number], HoldRow>(
      `SELECT h.machine_id AS machineId, m.name AS machineName, h.kind, h.instance, h.pool, h.version, h.reads,
         h.last_read_at AS lastReadAt, h.held_until_age AS heldUntilAge
       FROM holds h JOIN machines m ON m.machine_id = h.machine_id
       WHERE h.secret_id = CAST(? AS TEXT) AND h.version = CAST(? AS INTEGER)
         AND (h.held_until_age IS NULL OR h.held_until_age > CAST(? AS INTEGER))
       ORDER BY h.since LIMIT ?`,
    ),
    count: db
      .prepare<[string, number], number>(
        `SELECT count(*) FROM holds WHERE secret_id = ? AND version = ?
           AND (held_until_age IS NULL OR held_until_age > (SELECT age_ms FROM vault))`,
      )
      .pluck(),
    acknowledge: db.prepare<[string, string, string, string, number]>(
      "DELETE FROM holds WHERE secret_id = ? AND machine_id = ? AND kind = 'process' AND instance = ? AND pool = ? AND version < ?",
    ),
    endInstance: db.prepare<[string, string]>("DELETE FROM holds WHERE machine_id = ? AND instance = ? AND kind = 'process'"),
    secretsOfInstance: db
      .prepare<[string, string], string>("SELECT DISTINCT secret_id FROM holds WHERE machine_id = ? AND instance = ? AND kind = 'process'")
      .pluck(),
    overdue: db.prepare<[number, number], Pick<HoldRow, 'machineId' | 'kind' | 'version'> & { readonly secretId: string }>(
      'SELECT secret_id AS secretId, version, machine_id AS machineId, kind FROM holds WHERE held_until_age <= ? LIMIT ?',
    ),
    endUncertain: db.prepare<[string, number, string, HoldKind]>(
      "DELETE FROM holds WHERE secret_id = ? AND version = ? AND machine_id = ? AND kind = ? AND instance = '' AND pool = ''",
    ),
    clearVersion: db.prepare<[string, number]>('DELETE FROM holds WHERE secret_id = ? AND version = ?'),
    clearSecret: db.prepare<[string]>('DELETE FROM holds WHERE secret_id = ?'),
  };
}
