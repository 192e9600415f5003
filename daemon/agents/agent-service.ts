/** What front ends ask of agents: configure, look, plan, adopt, start, stop, rotate, repair. Each method is one call of the local API. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { LocalResult, Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { StateStore } from '../facts/state-store.ts';
import type { CheckedParams } from '../local-api/handler.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { VaultContext, Vaults } from '../vault-link/vaults.ts';
import { adopt, unAdopt } from './adoption.ts';
import type { Agent } from './agent.ts';
import { withConfiguration } from './agent-facts.ts';
import type { Agents } from './agents.ts';
import { readCertificateFile } from './certificate-file.ts';
import { liveSlotOf } from './live-slot.ts';
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
    const { registry, vaults, agents } = this.#deps;
    const { secretId } = params;
    const known = registry.find(secretId);
    const context = vaults.choose(params.vaultId ?? known?.vaultId);
    if (params.provider !== 'postgresql') throw new CatalogueError('provider-unsupported', { provider: params.provider });
    const ca = params.caFile === undefined ? null : await readCertificateFile(params.caFile);
    const configuration = await this.#configurationIfReachable(context, secretId, signal);
    const registered: RegisteredAgent = {
      secretId,
      vaultId: context.vaultId,
      running: known?.running ?? false,
      connection: {
        provider: params.provider,
        host: params.host,
        port: params.port,
        database: params.database,
        adminUser: params.adminUser,
        tls: params.tls,
        ca,
        usernameField: params.usernameField ?? null,
        passwordField: params.passwordField ?? null,
        pollIntervalSeconds: params.pollIntervalSeconds ?? null,
        probeQuery: params.probeQuery ?? null,
      },
    };
    // The identity may have been replaced while the vault was asked.
    registry.put(registered, new SecretText(params.adminPassword), vaults.choose(context.vaultId).sealer);
    const agent = agents.put(registered);
    if (configuration !== null) agent.change(withConfiguration(agent.fact, configuration));
    if (agent.isRunning) agent.ring();
    this.#deps.log.info('agent-configured', { secretId, vaultId: context.vaultId });
    return agent.fact;
  }

  async test(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.test'>> {
    const context = this.#contextOf(secretId);
    const configuration = await context.configuration(secretId, signal);
    const engine = this.#deps.engines(await readTarget(this.#deps, context, configuration));
    const inspection = await engine.inspect(configuration.adopted ? 'rotate' : 'adopt', signal);
    this.#showServer(secretId, inspection.serverVersion);
    return { serverVersion: inspection.serverVersion, findings: inspection.findings.map((finding) => ({ ...finding })) };
  }

  async plan(params: PlanParams, signal: AbortSignal): Promise<Plan> {
    const { secretId, kind } = params;
    const context = this.#contextOf(secretId);
    const configuration = await context.configuration(secretId, signal);
    const strategy = kind === 'rotate' ? configuration.strategy : (params.strategy ?? 'flip');
    const engine = this.#deps.engines(await readTarget(this.#deps, context, configuration, strategy));
    // An adoption in place creates no logins: what it will do is a rotation in place.
    const work = kind === 'adopt' && strategy === 'single' ? 'rotate' : kind;
    const inspection = await engine.inspect(work, signal);
    this.#showServer(secretId, inspection.serverVersion);
    return { ...engine.plan(work, inspection, liveSlotOf(inspection, configuration.owner)), kind };
  }

  async adopt(params: CheckedParams<'agent.adopt'>, signal: AbortSignal): Promise<LocalResult<'agent.adopt'>> {
    const { secretId, strategy } = params;
    const context = this.#contextOf(secretId);
    const agent = this.#agentOrRegister(secretId, context);
    await this.#refuseWhileInFlight(context, secretId);
    const answer = await this.#exclusivelyThenRun(agent, () =>
      adopt(this.#deps, this.#contextOf(secretId), secretId, strategy ?? 'flip', signal),
    );
    this.#deps.log.info('agent-adopted', { secretId, rotationId: answer.rotationId });
    return answer;
  }

  async unAdopt(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.unAdopt'>> {
    const agent = this.#agent(secretId);
    const context = this.#contextOf(secretId);
    await this.#refuseWhileInFlight(context, secretId);
    const lastRotationId = agent.fact.lastRotation?.rotationId ?? null;
    const answer = await this.#exclusivelyThenRun(agent, () =>
      unAdopt(this.#deps, this.#contextOf(secretId), secretId, lastRotationId, signal),
    );
    this.#deps.log.info('agent-given-back', { secretId, rotationId: answer.rotationId });
    return answer;
  }

  async start(params: CheckedParams<'agent.start'>, signal: AbortSignal): Promise<AgentFact> {
    const { secretId } = params;
    const known = this.#deps.registry.find(secretId);
    const context = this.#deps.vaults.choose(params.vaultId ?? known?.vaultId);
    const configuration = await this.#configurationIfReachable(context, secretId, signal);
    if (known === null && configuration === null) throw new CatalogueError('agent-unknown-here', { secretId });
    if (known === null && configuration !== null) await readTarget(this.#deps, context, configuration);
    const agent = this.#agentOrRegister(secretId, context);
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

  async remove(secretId: string): Promise<Record<string, never>> {
    const agent = this.#agent(secretId);
    const context = this.#deps.vaults.find(agent.fact.vaultId);
    if (context !== undefined) await this.#refuseWhileInFlight(context, secretId);
    await agent.stop(stopWithinMs);
    this.#deps.registry.remove(secretId);
    this.#deps.agents.remove(secretId);
    this.#deps.state.removeAgent(secretId);
    this.#deps.log.info('agent-removed', { secretId });
    return {};
  }

  async rotate(secretId: string, signal: AbortSignal): Promise<LocalResult<'agent.rotate'>> {
    const agent = this.#agent(secretId);
    const context = this.#contextOf(secretId);
    if (!agent.isRunning) throw new CatalogueError('agent-not-running', { secretId });
    if (context.link.protocol === 'published') throw new CatalogueError('needs-v2-vault', {});
    const answer = await context.client.machine('requestRotation', { secretId }, { signal });
    agent.ring();
    return answer;
  }

  async repair(params: CheckedParams<'agent.repair'>, signal: AbortSignal): Promise<AgentFact> {
    const { secretId, overwriteForeignPassword } = params;
    const agent = this.#agent(secretId);
    if (!agent.isRunning) throw new CatalogueError('agent-not-running', { secretId });
    this.#deps.log.info(overwriteForeignPassword ? 'agent-overwrite-asked' : 'agent-repair-asked', { secretId });
    await agent.repair(overwriteForeignPassword, signal);
    return agent.fact;
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

  #agentOrRegister(secretId: string, context: VaultContext): Agent {
    const known = this.#deps.agents.find(secretId);
    if (known !== undefined) return known;
    const registered: RegisteredAgent = { secretId, vaultId: context.vaultId, running: false, connection: null };
    this.#deps.registry.put(registered, null, context.sealer);
    return this.#deps.agents.put(registered);
  }

  #contextOf(secretId: string): VaultContext {
    return this.#deps.vaults.choose(this.#deps.registry.find(secretId)?.vaultId);
  }

  async #refuseWhileInFlight(context: VaultContext, secretId: string): Promise<void> {
    if ((await context.journal.read(secretId)) !== null) throw new CatalogueError('agent-busy', { secretId });
  }

  /** Null while the vault gives no answer; its refusal is passed on, since a wrong id should be noticed now. */
  async #configurationIfReachable(context: VaultContext, secretId: string, signal: AbortSignal): Promise<AgentConfiguration | null> {
    try {
      return await context.configuration(secretId, signal);
    } catch (error) {
      if (error instanceof VaultUnreachable) return null;
      throw error;
    }
  }
}
