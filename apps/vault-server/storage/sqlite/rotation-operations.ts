/** Asking for rotations, adoption, the emergency exit, and what agents and operators see of it all. */
import {
  type AdoptDecision,
  decideAdopt,
  decideRequest,
  decideUnadopt,
  drainLeaseMs,
  drainState,
  type UnadoptDecision,
} from '../../managed/rules.ts';
import { timeOfAge } from '../../managed/vault-age.ts';
import type { AgentWork, MachineCaller, ManagedStrategy, Refused, ReportedAgent, RequestedRotation, RotationSummary } from '../records.ts';
import type { RotationOperations } from '../storage.ts';
import { done, refuse } from './admission.ts';
import { namedHoldOuts } from './holds.ts';
import type { ManagedContext } from './managed-context.ts';
import type { LoadedManaged } from './managed-rows.ts';
import type { RotationChanges } from './rotation-changes.ts';

type RequestOperations = Pick<
  RotationOperations,
  'agentConfiguration' | 'heartbeat' | 'pollAgents' | 'adopt' | 'unadopt' | 'requestRotation' | 'retireNow' | 'listRotations'
>;

/** Readers that retire-now names; a person reads them. */
const namedBroken = 200;

interface RotationRow extends Omit<RotationSummary, 'version' | 'holdOuts' | 'drainDeadlineAt'> {
  readonly version: number | null;
}

export class Rotations implements RequestOperations {
  readonly #context: ManagedContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: ManagedContext) {
    this.#context = context;
    this.#sql = prepare(context.db);
  }

  readonly agentConfiguration: RequestOperations['agentConfiguration'] = (input) =>
    this.#context.access.onManaged(input, ({ configuration }) => {
      this.#context.audit.append(input.caller, { action: 'agent.configuration', subject: input.secretId });
      return done(configuration);
    });
  readonly heartbeat: RequestOperations['heartbeat'] = (input) =>
    this.#context.commits.run(() => {
      const refused = this.#context.admission.machine(input.caller);
      if (refused !== null) return refused;
      for (const agent of input.agents) this.#record(input.caller, input.daemonId, agent);
      return done(input.agents.map((agent) => this.#work(input.caller, agent.secretId)));
    });
  readonly pollAgents: RequestOperations['pollAgents'] = (input) =>
    this.#context.commits.run(
      () => this.#context.admission.machine(input.caller) ?? done(input.secretIds.map((secretId) => this.#work(input.caller, secretId))),
    );
  readonly adopt: RequestOperations['adopt'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId, strategy } = input;
      const decision = decideAdopt(loaded.state, strategy, input.owner, caller.now);
      if (decision.kind === 'refuse') return this.#refused(decision.reason, loaded, caller);
      if (decision.kind === 'same') return done({ rotationId: decision.rotationId });
      const rotationId = this.#context.changes.offer(this.#setAdoption(loaded, strategy), caller, input.seal, 'adopt');
      this.#context.audit.append(caller, { action: 'secret.adopt', subject: secretId, detail: `${strategy} ${rotationId}` });
      return done({ rotationId });
    });
  readonly unadopt: RequestOperations['unadopt'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const decision = decideUnadopt(loaded.state, input.caller.now);
      if (decision.kind === 'refuse') return this.#refused(decision.reason, loaded, input.caller);
      if (decision.kind === 'same') return done({ rotationId: decision.rotationId });
      const rotationId = this.#context.changes.offer(loaded, input.caller, input.seal, 'unadopt');
      this.#context.audit.append(input.caller, { action: 'secret.un-adopt', subject: input.secretId, detail: rotationId });
      return done({ rotationId });
    });
  readonly requestRotation: RequestOperations['requestRotation'] = (input) =>
    this.#context.access.onManaged<RequestedRotation>(input, (loaded) => {
      const { caller } = input;
      const decision = decideRequest(loaded.state, caller.now);
      if (decision.kind === 'refuse') {
        if (decision.reason === 'not-adopted') return refuse(decision.reason);
        return { kind: 'refused', reason: decision.reason, ...decision.published };
      }
      const waitsFor = this.#context.changes.holds.inTheWay(input.secretId, loaded.state.active, caller.now);
      if (decision.kind === 'same') return done({ rotationId: decision.rotationId, state: decision.state, waitsFor });
      const waits = decision.kind === 'wait';
      const rotationId = waits
        ? this.#context.changes.wait(loaded, caller)
        : this.#context.changes.offer(loaded, caller, input.seal, 'rotate');
      this.#context.audit.append(caller, { action: 'rotation.request', subject: input.secretId, detail: rotationId });
      return done({ rotationId, state: waits ? 'waiting-for-drain' : 'pending', waitsFor });
    });
  readonly retireNow: RequestOperations['retireNow'] = (input) =>
    this.#context.access.onManaged(input, ({ state }) => {
      const { active, secretId } = state;
      if (active?.previous == null) return refuse('nothing-draining');
      const broken = this.#context.changes.holds.of(secretId, active, namedBroken, input.caller.now);
      this.#sql.retireNow.run(active.rotationId);
      this.#context.audit.append(input.caller, {
        action: 'rotation.retire-now',
        subject: secretId,
        detail: `${active.rotationId} ${broken.length} holds`,
      });
      this.#context.events.append(input.caller.now, { kind: 'drain-clear', secretId, rotationId: active.rotationId });
      return done({ rotationId: active.rotationId, broken });
    });
  readonly listRotations: RequestOperations['listRotations'] = (input) =>
    this.#context.access.onManaged(input, ({ state }) =>
      done(
        this.#sql.rotations.all(input.secretId, input.limit).map((row): RotationSummary => {
          const draining = state.active?.rotationId === row.rotationId && state.active.previous !== null;
          const waitsFor = draining ? this.#context.changes.holds.inTheWay(state.secretId, state.active, input.caller.now) : null;
          const { holdOuts = [], drainDeadlineAt = null } = waitsFor ?? {};
          return { ...row, version: row.version ?? state.lastVersion + 1, holdOuts, drainDeadlineAt };
        }),
      ),
    );

  readonly #refused = (
    reason: Extract<AdoptDecision | UnadoptDecision, { kind: 'refuse' }>['reason'],
    loaded: LoadedManaged,
    caller: MachineCaller,
  ): Refused => (reason === 'waiting-for-drain' ? this.#context.changes.refuseInFlight(loaded, caller.now) : refuse(reason));

  readonly #setAdoption = (loaded: LoadedManaged, strategy: ManagedStrategy): LoadedManaged => {
    this.#sql.adopt.run(strategy, loaded.state.secretId);
    return { ...loaded, state: { ...loaded.state, strategy, adopted: true, published: null } };
  };

  readonly #work = (caller: MachineCaller, secretId: string): AgentWork => {
    const granted = this.#context.access.of(caller.id, secretId);
    const loaded = granted === 'granted' ? this.#context.changes.rows.load(secretId) : null;
    return loaded === null
      ? { ...nothingToDo, secretId, access: granted === 'granted' ? 'gone' : granted }
      : workOf(loaded, this.#context.changes, caller.now);
  };

  readonly #record = (caller: MachineCaller, daemonId: string, agent: ReportedAgent): void => {
    const { secretId, state, rotationId, version, errorCode } = agent;
    if (this.#context.access.of(caller.id, secretId) !== 'granted') return;
    this.#sql.heartbeat.run(secretId, caller.id, daemonId, state, rotationId, version, errorCode, caller.now);
    if (rotationId !== null) this.#sql.renewDrain.run(caller.now + drainLeaseMs, secretId, caller.id, daemonId, rotationId);
  };
}

const nothingToDo: Omit<AgentWork, 'secretId' | 'access'> = {
  liveVersion: null,
  rotationId: null,
  phase: 'none',
  nextRotationAt: null,
  holdOuts: [],
  drainDeadlineAt: null,
};

function workOf({ state, configuration, age }: LoadedManaged, changes: RotationChanges, now: number): AgentWork {
  const { secretId, active, live } = state;
  const base = {
    secretId,
    access: 'granted' as const,
    liveVersion: live.version,
    rotationId: active?.rotationId ?? null,
    nextRotationAt: configuration.nextRotationAt,
    drainDeadlineAt: active?.drainEndsAtAge == null ? null : timeOfAge(active.drainEndsAtAge, age, now),
  };
  if (active === null) return { ...base, phase: 'none', holdOuts: [] };
  if (active.previous === null) return { ...base, phase: 'pending', holdOuts: [] };
  const holds = changes.holds.count(secretId, active);
  if (drainState(active, holds, age.ageMs) !== 'draining') return { ...base, phase: 'drained', holdOuts: [] };
  const holdOuts = changes.holds.of(secretId, active, namedHoldOuts, now);
  return { ...base, phase: state.waiting === null ? 'promoted' : 'waiting-for-drain', holdOuts };
}

function prepare(db: ManagedContext['db']) {
  return {
    /** From here on it is the daemon's: that a published agent served it before says nothing about later. */
    adopt: db.prepare('UPDATE managed SET adopted = 1, strategy = ?, published_machine = NULL, published_at = NULL WHERE secret_id = ?'),
    heartbeat: db.prepare(
      `INSERT INTO agents (secret_id, machine_id, daemon_id, state, rotation_id, version, error_code, seen_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (secret_id, machine_id) DO UPDATE SET daemon_id = excluded.daemon_id, state = excluded.state,
         rotation_id = excluded.rotation_id, version = excluded.version, error_code = excluded.error_code, seen_at = excluded.seen_at`,
    ),
    /** A drain is asked about every few minutes only; that its daemon lives and is at it, the heartbeat says. */
    renewDrain: db.prepare(
      `UPDATE managed SET claim_expires_at = ? WHERE secret_id = ? AND claim_machine = ? AND claim_daemon = ?
         AND EXISTS (SELECT 1 FROM rotations r WHERE r.secret_id = managed.secret_id AND r.rotation_id = ? AND r.state = 'promoted')`,
    ),
    retireNow: db.prepare('UPDATE rotations SET retire_now = 1, drain_announced = 1 WHERE rotation_id = ?'),
    rotations: db.prepare<[string, number], RotationRow>(
      `SELECT rotation_id AS rotationId, version, state, epoch, requested_at AS requestedAt,
         promoted_at AS promotedAt, ended_at AS endedAt, error_code AS errorCode
       FROM rotations WHERE secret_id = ? ORDER BY number DESC LIMIT ?`,
    ),
  };
}
