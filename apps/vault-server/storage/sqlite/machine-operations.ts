/** Machines from enrollment to disablement, their projects and grants. */
import type { GrantSummary, MachineState, MachineSummary, OperatorCaller, Outcome } from '../records.ts';
import type { MachineOperations } from '../storage.ts';
import { done, refuse } from './admission.ts';
import type { StoreContext } from './context.ts';
import { newMachineId } from './identifiers.ts';
import { fingerprintOf } from './vault-operations.ts';

interface MachineRow extends Omit<MachineSummary, 'projects'> {
  readonly projects: string;
}

interface TokenRow {
  readonly projectIds: string;
  readonly usedAt: number | null;
  readonly machineId: string | null;
}

export class Machines implements MachineOperations {
  readonly #context: StoreContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext) {
    this.#context = context;

    this.#sql = prepare(context.db);
  }

  readonly enrollMachine: MachineOperations['enrollMachine'] = (input) =>
    this.#context.commits.run(() => {
      const token = this.#sql.token.get(input.tokenSha256, input.now);
      if (token === undefined) return refuse('token-invalid');
      if (token.usedAt !== null) return this.#enrolledBefore(token.machineId, input.publicKey);
      const machineId = newMachineId(this.#context.random);
      const name = input.name ?? input.hostname;
      this.#sql.insertMachine.run(machineId, name, input.hostname, input.publicKey, fingerprintOf(input.publicKey), input.now);
      this.#sql.useToken.run(input.now, machineId, input.tokenSha256);
      for (const projectId of parseList(token.projectIds)) this.#sql.attach.run(machineId, projectId);
      this.#context.audit.append(
        { kind: 'enrollment', id: machineId, now: input.now, address: input.address },
        { action: 'machine.enroll', subject: machineId },
      );
      return done(this.#summary(machineId));
    });
  readonly describeSelf: MachineOperations['describeSelf'] = (input) =>
    this.#context.commits.run(() => {
      const found = this.#context.admission.machineInAnyState(input.caller);
      return 'kind' in found ? found : done(this.#summary(input.caller.id));
    });
  readonly createBootstrapToken: MachineOperations['createBootstrapToken'] = (input) =>
    this.#byOperator(input.caller, () => {
      if (input.projectIds.some((projectId) => this.#sql.project.get(projectId) === undefined)) return refuse('not-found');
      this.#sql.insertToken.run(input.tokenSha256, JSON.stringify(input.projectIds), input.expiresAt);
      this.#context.audit.append(input.caller, { action: 'machine.token', detail: `projects ${input.projectIds.length}` });
      return done(null);
    });
  readonly listMachines: MachineOperations['listMachines'] = (input) =>
    this.#byOperator(input.caller, () => done(this.#sql.machines.all().map(toSummary)));
  readonly setMachineState: MachineOperations['setMachineState'] = (input) =>
    this.#byOperator(input.caller, () => {
      const row = this.#sql.machine.get(input.machineId);
      if (row === undefined) return refuse('not-found');
      if (input.fingerprint !== null && input.fingerprint !== row.fingerprint) return refuse('fingerprint-mismatch');
      this.#sql.setState.run(input.state, input.machineId);
      this.#context.audit.append(input.caller, { action: `machine.${input.state}`, subject: input.machineId, detail: `was ${row.state}` });
      return done(this.#summary(input.machineId));
    });
  readonly attachMachine: MachineOperations['attachMachine'] = (input) =>
    this.#byOperator(input.caller, () => {
      if (this.#sql.project.get(input.projectId) === undefined || this.#sql.machine.get(input.machineId) === undefined)
        return refuse('not-found');
      this.#sql.attach.run(input.machineId, input.projectId);
      this.#context.audit.append(input.caller, { action: 'project.attach-machine', subject: input.projectId, detail: input.machineId });
      return done(null);
    });
  readonly detachMachine: MachineOperations['detachMachine'] = (input) =>
    this.#byOperator(input.caller, () => {
      if (this.#sql.detach.run(input.machineId, input.projectId).changes === 0) return refuse('not-found');
      this.#revokeAll(input.machineId, this.#sql.grantedInProject.all(input.machineId, input.projectId), input.caller.now);
      this.#context.audit.append(input.caller, { action: 'project.detach-machine', subject: input.projectId, detail: input.machineId });
      return done(null);
    });
  readonly grant: MachineOperations['grant'] = (input) =>
    this.#byOperator(input.caller, () => {
      const projectId = this.#sql.projectOf.get(input.secretId);
      if (projectId === undefined || this.#sql.machine.get(input.machineId) === undefined) return refuse('not-found');
      if (this.#sql.member.get(input.machineId, projectId) === undefined) return { kind: 'refused', reason: 'not-a-member', projectId };
      if (this.#sql.grant.run(input.machineId, input.secretId, input.permission).changes > 0) {
        this.#context.events.append(input.caller.now, { kind: 'access-granted', secretId: input.secretId, machineId: input.machineId });
      }
      this.#context.audit.append(input.caller, {
        action: 'grant.add',
        subject: input.secretId,
        detail: `${input.permission} ${input.machineId}`,
      });
      return done(null);
    });
  readonly revoke: MachineOperations['revoke'] = (input) =>
    this.#byOperator(input.caller, () => {
      if (this.#sql.revoke.run(input.machineId, input.secretId, input.permission).changes === 0) return refuse('not-found');
      this.#context.events.append(input.caller.now, { kind: 'access-lost', secretId: input.secretId, machineId: input.machineId });
      this.#context.audit.append(input.caller, {
        action: 'grant.remove',
        subject: input.secretId,
        detail: `${input.permission} ${input.machineId}`,
      });
      return done(null);
    });
  readonly listGrants: MachineOperations['listGrants'] = (input) =>
    this.#byOperator(input.caller, () =>
      this.#sql.projectOf.get(input.secretId) === undefined ? refuse('not-found') : done(this.#sql.grants.all(input.secretId)),
    );

  /** Runs `work` for an operator and audits it where it was done. */
  readonly #byOperator = <Value>(caller: OperatorCaller, work: () => Outcome<Value>): Promise<Outcome<Value>> =>
    this.#context.commits.run(() => this.#context.admission.operator(caller) ?? work());

  /** The answer again, for a machine whose first one was lost on the way; nothing changes, so nothing is audited. */
  readonly #enrolledBefore = (machineId: string | null, publicKey: Uint8Array): Outcome<MachineSummary> => {
    const known = machineId === null ? undefined : this.#sql.publicKey.get(machineId);
    if (machineId === null || known === undefined || Buffer.compare(known, publicKey) !== 0) return refuse('token-invalid');
    const machine = this.#summary(machineId);
    if (machine.state === 'denied' || machine.state === 'disabled') return refuse(`machine-${machine.state}`);
    return done(machine);
  };

  readonly #summary = (machineId: string): MachineSummary => {
    const row = this.#sql.machine.get(machineId);
    if (row === undefined) throw new Error('the machine is gone');
    return toSummary(row);
  };

  readonly #revokeAll = (machineId: string, secretIds: readonly string[], now: number): void => {
    for (const secretId of secretIds) {
      this.#sql.revokeBoth.run(machineId, secretId);
      this.#context.events.append(now, { kind: 'access-lost', secretId, machineId });
    }
  };
}

function toSummary(row: MachineRow): MachineSummary {
  return { ...row, projects: parseList(row.projects) };
}

/** A list of ids that this store wrote as JSON. */
export function parseList(text: string): string[] {
  const parsed: unknown = JSON.parse(text);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

function prepare(db: StoreContext['db']) {
  const machine = `SELECT machine_id AS machineId, name, hostname, state, fingerprint, created_at AS createdAt, last_seen_at AS lastSeenAt,
    (SELECT json_group_array(project_id) FROM members WHERE members.machine_id = machines.machine_id) AS projects FROM machines`;
  return {
    token: db.prepare<[Uint8Array, number], TokenRow>(
      `SELECT project_ids AS projectIds, used_at AS usedAt, machine_id AS machineId FROM bootstrap_tokens
       WHERE sha256 = ? AND expires_at > ?`,
    ),
    publicKey: db.prepare<[string], Buffer>('SELECT public_key FROM machines WHERE machine_id = ?').pluck(),
    insertToken: db.prepare('INSERT INTO bootstrap_tokens (sha256, project_ids, expires_at) VALUES (?, ?, ?)'),
    useToken: db.prepare('UPDATE bootstrap_tokens SET used_at = ?, machine_id = ? WHERE sha256 = ?'),
    insertMachine: db.prepare(
      `INSERT INTO machines (machine_id, name, hostname, public_key, fingerprint, state, created_at) VALUES (?, ?, ?, ?, ?, 'pending', ?)`,
    ),
    machine: db.prepare<[string], MachineRow>(`${machine} WHERE machine_id = ?`),
    machines: db.prepare<[], MachineRow>(`${machine} ORDER BY created_at, machine_id`),
    setState: db.prepare<[MachineState, string]>('UPDATE machines SET state = ? WHERE machine_id = ?'),
    project: db.prepare<[string], number>('SELECT 1 FROM projects WHERE project_id = ?').pluck(),
    projectOf: db.prepare<[string], string>('SELECT project_id FROM secrets WHERE secret_id = ? AND deleted_at IS NULL').pluck(),
    member: db.prepare<[string, string], number>('SELECT 1 FROM members WHERE machine_id = ? AND project_id = ?').pluck(),
    attach: db.prepare('INSERT INTO members (machine_id, project_id) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    detach: db.prepare('DELETE FROM members WHERE machine_id = ? AND project_id = ?'),
    grantedInProject: db
      .prepare<[string, string], string>(
        'SELECT DISTINCT g.secret_id FROM grants g JOIN secrets s ON s.secret_id = g.secret_id WHERE g.machine_id = CAST(? AS TEXT) AND s.project_id = CAST(? AS TEXT)',
      )
      .pluck(),
    grant: db.prepare('INSERT INTO grants (machine_id, secret_id, permission) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    revoke: db.prepare('DELETE FROM grants WHERE machine_id = ? AND secret_id = ? AND permission = ?'),
    revokeBoth: db.prepare('DELETE FROM grants WHERE machine_id = ? AND secret_id = ?'),
    grants: db.prepare<[string], GrantSummary>(
      `SELECT g.machine_id AS machineId, m.name AS machineName, g.permission FROM grants g JOIN machines m ON m.machine_id = g.machine_id
       WHERE g.secret_id = CAST(? AS TEXT) ORDER BY m.name, g.machine_id, g.permission`,
    ),
  };
}
