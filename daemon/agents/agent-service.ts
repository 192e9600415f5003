/** What front ends ask of agents: configure, look, plan, adopt, start, stop, rotate, repair. Each method is one call of the local API. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { LocalResult, Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { StateStore } from '../facts/state-store.ts';
import type { CheckedParams } from '../local-api/handler.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import { holdOutOf } from '../vault-link/vault-port.ts';
import type { VaultContext, Vaults } from '../vault-link/vaults.ts';
import { abandonHere } from './abandonment.ts';
import { acceptHba } from './accepting-hba.ts';
import { adopt, unAdopt } from './adoption.ts';
import type { Agent } from './agent.ts';
import type { AskedRepair, PreparedAgent } from './agent-deps.ts';
import { withAskedRotation, withConfiguration } from './agent-facts.ts';
import type { Agents } from './agents.ts';
import { acceptAddress, configurationIfReachable, configureAgent } from './configuring.ts';
import { namingDatabase } from './database-refusal.ts';
import { isForPersonAlone } from './epoch-ahead.ts';
import { acceptServerAtRest, askedRepair } from './exits.ts';
import { refuseWhileInFlight } from './kept-on-disk.ts';
import { isKnownAddress } from './known-address.ts';
import { planFor } from './planning.ts';
import { type PreparationDeps, readTarget } from './preparation.ts';
import type { RegisteredAgent } from './registry.ts';

/** How long a critical section may take to reach its next boundary when an agent is stopped. */
const stopWithinMs = 5_000;

export interface AgentServiceDeps extends PreparationDeps {
  readonly agents: Agents;
  readonly vaults: Vaults;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly log: DaemonLog;
  boundary(name: string): void;
}

type PlanParams = CheckedParams<'agent.plan'>;

export class AgentService {
  readonly #deps: AgentServiceDeps;

  constructor(deps: AgentServiceDeps) {
    this.#deps = deps;
  }

  list(): AgentFact[] {
    return this.#deps.state.agents();
  }

  show(secretId: string): AgentFact {
    return this.#agent(secretId).fact;
  }

  async configure(params: CheckedParams<'agent.configure'>, signal: AbortSignal): Promise<AgentFact> {
    return (await configureAgent(this.#deps, params, signal)).fact;
  }

  async acceptHba(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.acceptHba'>> {
    const context = this.#contextOf(secretId);
    const accepted = await acceptHba(this.#deps, context, await context.configuration(secretId, signal), signal);
    this.#deps.log.info('agent-hba-accepted', { secretId, count: accepted.findings.length });
    const agent = this.#deps.agents.find(secretId);
    // What waited for this word goes on.
    if (agent?.isRunning === true) await agent.goOnAnew();
    return accepted;
  }

  async test(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.test'>> {
    const context = this.#contextOf(secretId);
    const configuration = await context.configuration(secretId, signal);
    const target = await readTarget(this.#deps, context, configuration);
    const engine = this.#deps.engines(target);
    const inspection = await namingDatabase(target, () => engine.inspect(configuration.adopted ? 'rotate' : 'adopt', signal));
    this.#showServer(secretId, inspection.serverVersion);
    return { serverVersion: inspection.serverVersion, findings: inspection.findings.map((finding) => ({ ...finding })) };
  }

  async plan(params: PlanParams, signal: AbortSignal): Promise<Plan> {
    const { secretId, kind, acceptHba } = params;
    const context = this.#contextOf(secretId);
    const configuration = await context.configuration(secretId, signal);
    const asked = { kind, acceptHba: acceptHba === true, ...(params.strategy === undefined ? {} : { strategy: params.strategy }) };
    const plan = await planFor(this.#deps, context, configuration, asked, signal);
    if (plan.server !== null) this.#showServer(secretId, plan.server.version);
    return plan;
  }

  async adopt(params: CheckedParams<'agent.adopt'>, signal: AbortSignal): Promise<LocalResult<'agent.adopt'>> {
    const { secretId, strategy } = params;
    const context = this.#contextOf(secretId);
    const agent = await this.#agentOrRegister(secretId, context);
    await refuseWhileInFlight(context.journal, secretId);
    const answer = await this.#exclusivelyThenRun(agent, () =>
      adopt(this.#deps, this.#contextOf(secretId), secretId, strategy ?? 'flip', params.acceptHba === true, signal),
    );
    this.#deps.log.info(params.acceptHba === true ? 'agent-adopted-with-accepted-hba' : 'agent-adopted', {
      secretId,
      rotationId: answer.rotationId,
    });
    return answer;
  }

  async unAdopt(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.unAdopt'>> {
    const agent = this.#agent(secretId);
    const context = this.#contextOf(secretId);
    const { adoptionRotationId } = await context.configuration(secretId, signal);
    if (adoptionRotationId !== null) return this.#giveUp(agent, adoptionRotationId, signal);
    await refuseWhileInFlight(context.journal, secretId);
    const lastRotationId = agent.fact.lastRotation?.rotationId ?? null;
    const answer = await this.#exclusivelyThenRun(agent, () =>
      unAdopt(this.#deps, this.#contextOf(secretId), secretId, lastRotationId, signal),
    );
    this.#deps.log.info('agent-given-back', { secretId, rotationId: answer.rotationId });
    return { ...answer, adoption: 'going-back' };
  }

  async start(params: CheckedParams<'agent.start'>, signal: AbortSignal): Promise<AgentFact> {
    const { secretId } = params;
    const known = this.#deps.registry.find(secretId);
    const context = this.#deps.vaults.choose(params.vaultId ?? known?.vaultId);
    const configuration = await configurationIfReachable(context, secretId, signal);
    if (known === null && configuration === null) throw new CatalogueError('agent-unknown-here', { secretId });
    if (known === null && configuration !== null) await readTarget(this.#deps, context, configuration);
    const agent = await this.#agentOrRegister(secretId, context);
    if (configuration !== null) agent.change(withConfiguration(agent.fact, configuration));
    await this.#run(agent);
    return agent.fact;
  }

  async stop(secretId: string): Promise<AgentFact> {
    const agent = this.#agent(secretId);
    await agent.stop(stopWithinMs);
    this.#deps.registry.setRunning(secretId, false);
    return this.#reregister(secretId, agent);
  }

  async remove(params: CheckedParams<'agent.remove'>, signal: AbortSignal): Promise<LocalResult<'agent.remove'>> {
    const { secretId, abandon } = params;
    const agent = this.#agent(secretId);
    const { vaultId } = agent.fact;
    const context = abandon === undefined ? this.#deps.vaults.find(vaultId) : this.#deps.vaults.choose(vaultId);
    const isInFlight = context !== undefined && (await context.journal.read(secretId)) !== null;
    if (abandon === undefined && isInFlight) throw new CatalogueError('removal-waits', { secretId });
    const leave =
      abandon === undefined ? () => Promise.resolve([]) : () => abandonHere(this.#deps, vaultId, secretId, abandon.reason, signal);
    const leftBehind = await agent.exclusively(leave);
    await agent.stop(stopWithinMs);
    // Whoever runs it here again says where it is; another host may have moved it meanwhile.
    await context?.journal.keepServer(secretId, null);
    this.#deps.registry.remove(secretId);
    this.#deps.agents.remove(secretId);
    this.#deps.state.removeAgent(secretId);
    this.#deps.log.info('agent-removed', { secretId });
    return { leftBehind: [...leftBehind] };
  }

  async rotate(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.rotate'>> {
    const agent = this.#agent(secretId);
    const context = this.#contextOf(secretId);
    if (!agent.isRunning) throw new CatalogueError('agent-not-running', { secretId });
    if (context.link.protocol === 'published') throw new CatalogueError('needs-v2-vault', {});
    const { rotationId, state, waitsFor } = await context.client.machine('requestRotation', { secretId }, { signal });
    // What only a person's word moves on is not looked at again either.
    if (!isForPersonAlone(agent.fact.errorCode)) agent.change(withAskedRotation(agent.fact, rotationId, this.#deps.clock.now()));
    agent.goOnNow();
    if (waitsFor === null) return { rotationId, state, waitsFor };
    const holdOuts = waitsFor.holdOuts.map((hold) => ({ ...holdOutOf(hold) }));
    return { rotationId, state, waitsFor: { holdOuts, drainDeadlineAt: waitsFor.drainDeadlineAt } };
  }

  async repair(params: CheckedParams<'agent.repair'>, signal: AbortSignal): Promise<AgentFact> {
    const { secretId } = params;
    const agent = this.#agent(secretId);
    if (!agent.isRunning) throw new CatalogueError('agent-not-running', { secretId });
    const asked = await this.#askedRepair(params);
    const { overwriteForeignPassword } = asked.request;
    this.#deps.log.info(overwriteForeignPassword === true ? 'agent-overwrite-asked' : 'agent-repair-asked', {
      secretId,
      reason: asked.fits ?? 'any',
    });
    await agent.repair(asked, signal);
    return agent.fact;
  }

  /** Another server is accepted for the work in flight, or with none for what comes. */
  async #askedRepair(params: CheckedParams<'agent.repair'>): Promise<AskedRepair> {
    const { secretId, acceptServer } = params;
    const context = this.#contextOf(secretId);
    const asked = askedRepair(params, { ...this.#deps, isPublished: () => context.link.protocol === 'published' });
    if (acceptServer !== true) return asked;
    const accept = ({ configuration }: PreparedAgent): Promise<void> => acceptAddress(this.#deps, context, configuration);
    if ((await context.journal.read(secretId)) !== null) return { ...asked, prepare: accept };
    const prepare = async (prepared: PreparedAgent, signal: AbortSignal): Promise<void> => {
      const target = await readTarget(this.#deps, context, prepared.configuration);
      await acceptServerAtRest(prepared, context.journal, secretId, isKnownAddress(this.#deps, target), signal);
      await accept(prepared);
    };
    return { request: {}, fits: null, prepare };
  }

  /** The word is kept first, so that whatever happens the adoption is undone and its slots go. */
  async #giveUp(agent: Agent, rotationId: string, signal: AbortSignal): Promise<LocalResult<'agent.unAdopt'>> {
    const { registry, log } = this.#deps;
    const { secretId } = agent;
    registry.setGivenUp(secretId, rotationId);
    registry.setLeavingSlots(secretId, true);
    log.info('agent-adoption-given-up', { secretId, rotationId });
    await this.#run(agent);
    await agent.repair({ request: {}, fits: null }, signal);
    const { adopted, adoptionRotationId } = await this.#contextOf(secretId).configuration(secretId, signal);
    if (!adopted) return { rotationId, adoption: 'undone' };
    if (adoptionRotationId === rotationId) return { rotationId, adoption: 'being-undone' };
    // It went live before it was given up: from there the way back is a rotation, once its drain is over.
    registry.setGivenUp(secretId, null);
    registry.setLeavingSlots(secretId, false);
    throw new CatalogueError('agent-busy', { secretId });
  }

  #showServer(secretId: string, serverVersion: string): void {
    const agent = this.#deps.agents.find(secretId);
    agent?.change({ ...agent.fact, serverVersion });
  }

  /** Also after a failure that leaves open whether the vault acted: what it began is worked off here. */
  async #exclusivelyThenRun<T>(agent: Agent, work: () => Promise<T>): Promise<T> {
    try {
      return await agent.exclusively(work);
    } finally {
      if (this.#deps.registry.find(agent.secretId)?.running === true) await this.#run(agent);
    }
  }

  async #run(agent: Agent): Promise<void> {
    this.#deps.registry.setRunning(agent.secretId, true);
    this.#reregister(agent.secretId, agent);
    await agent.start();
    agent.ring();
  }

  #reregister(secretId: string, agent: Agent): AgentFact {
    const registered = this.#deps.registry.find(secretId);
    if (registered !== null) this.#deps.agents.put(registered);
    return agent.fact;
  }

  #agent(secretId: string): Agent {
    const agent = this.#deps.agents.find(secretId);
    if (agent === undefined) throw new CatalogueError('agent-unknown-here', { secretId });
    return agent;
  }

  #agentOrRegister(secretId: string, { vaultId }: VaultContext): Promise<Agent> | Agent {
    const { agents, registry, vaults } = this.#deps;
    const known = agents.find(secretId);
    if (known !== undefined) return known;
    const registered: RegisteredAgent = { secretId, vaultId, running: false, connection: null };
    return agents.inTurn(vaultId, () => {
      registry.put(registered, null, vaults.choose(vaultId).sealer);
      return agents.put(registered);
    });
  }

  #contextOf(secretId: string): VaultContext {
    return this.#deps.vaults.choose(this.#deps.registry.find(secretId)?.vaultId);
  }
}
