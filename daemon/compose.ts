/** Constructs the daemon's parts and connects them; everything that decides anything is elsewhere. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { Home } from '@sikkerkey/host/home.ts';
import { createVaultTransport } from '@sikkerkey/host/vault-transport.ts';
import { localWireVersion } from '@sikkerkey/protocol/local/methods.ts';
import { leaveSlots } from './agents/adoption.ts';
import { Agent } from './agents/agent.ts';
import type { AgentDeps } from './agents/agent-deps.ts';
import { AgentService } from './agents/agent-service.ts';
import { Agents } from './agents/agents.ts';
import { createEngineCatalogue } from './agents/engine-catalogue.ts';
import { showAndKeep } from './agents/last-known.ts';
import { firstLookWithinMs, firstProbeInMs, probePeriodMs } from './agents/pace.ts';
import { type PreparationDeps, prepareAgent } from './agents/preparation.ts';
import { AgentRegistry } from './agents/registry.ts';
import { ResumeWatch } from './agents/resume-watch.ts';
import { showJournalHealth, tryOpen, unlessJournalUnavailable } from './facts/journal-health.ts';
import { StateStore } from './facts/state-store.ts';
import { createHandlers } from './handlers.ts';
import { AwaitedApprovals } from './identities/awaited-approvals.ts';
import { finishReplacement } from './identities/enrollment.ts';
import { IdentityFiles } from './identities/identity-files.ts';
import { Operators } from './identities/operators.ts';
import { JournalFile } from './journal/journal-file.ts';
import { Dispatcher } from './local-api/dispatch.ts';
import type { SessionDeps } from './local-api/session.ts';
import type { DaemonLog } from './log/daemon-log.ts';
import { Vaults } from './vault-link/vaults.ts';
import { daemonFeatures, daemonVersion } from './version.ts';

export interface DaemonOptions {
  readonly home: Home;
  readonly pid: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DaemonLog;
  readonly stopping: AbortSignal;
  boundary(name: string): void;
  requestStop(): void;
}

export interface Daemon {
  readonly state: StateStore;
  readonly session: SessionDeps;
  /** Reads identities and agents from disk; before the socket is there. */
  load(): Promise<void>;
  /** Connects the vaults and starts the agents that were running. */
  begin(): Promise<void>;
  /** Lets critical sections reach a boundary, then closes everything. */
  end(): Promise<void>;
}

const stopWithinMs = 5_000;

export function composeDaemon(options: DaemonOptions): Daemon {
  const { home, pid, clock, random, log, stopping } = options;
  const id = (): string => Buffer.from(random.bytes(12)).toString('hex');
  const versions = { version: daemonVersion, wireVersion: localWireVersion };
  const state = new StateStore({ bootId: id(), pid, ...versions, startedAt: clock.now(), home: home.base, journal: 'ok' });
  const journalFile = new JournalFile(home.journalFile, (healthy, reason) => showJournalHealth(state, log, healthy, reason));
  const registry = new AgentRegistry(join(home.daemon, 'agents.db'));
  const files = new IdentityFiles(home);
  const openTransport = (baseUrl: string): ReturnType<typeof createVaultTransport> => createVaultTransport({ baseUrl });
  const preparation = { registry, engines: createEngineCatalogue({ clock, random }), home };
  const around: AgentSurroundings = { vaults: () => vaults, count: () => agents.size, resumeWatch: new ResumeWatch(clock) };
  const agents: Agents = new Agents(
    (fact) => new Agent(fact, agentDepsOf(options, state, preparation, fact.vaultId, around)),
    () => clock.now(),
  );
  const vaults = new Vaults({
    files,
    journalFile,
    daemonId: registry.daemonId(id),
    protocolMemory: (vaultId) => ({ isKnownV2: () => registry.isKnownV2(vaultId), rememberV2: () => registry.rememberV2(vaultId) }),
    counters: { read: (secretId) => registry.counters(secretId), write: (secretId, value) => registry.setCounters(secretId, value) },
    state,
    log,
    clock,
    random,
    stopping,
    openTransport,
    agentsOf: (vaultId) => agents.ofVault(vaultId),
  });
  const operators = new Operators({ files, clock, random, openTransport });
  const enrollment = { files, registry, journalFile, random, hostname: hostname(), openTransport, agents, vaults };
  const approvals = new AwaitedApprovals({ enrollment, vaults, clock, random, log, stopping });
  const service = new AgentService({ ...preparation, agents, vaults, state, clock, log, boundary: options.boundary });
  const requestStop = (): void => options.requestStop();
  const handlers = createHandlers({ state, agents: service, vaults, operators, enrollment, approvals, requestStop });
  return {
    state,
    session: { dispatcher: new Dispatcher(handlers, clock, stopping), state, log, features: daemonFeatures, role: 'admin' },
    load: async () => {
      tryOpen(journalFile);
      await vaults.load((vaultId) => finishReplacement(enrollment, vaultId).catch(unlessJournalUnavailable));
      for (const registered of registry.all()) agents.put(registered);
    },
    begin: async () => {
      for (const { vaultId } of vaults.contexts()) vaults.connect(vaultId);
      approvals.watchAll();
      await Promise.all(registry.all().map((one) => (one.running ? agents.find(one.secretId)?.start() : undefined)));
    },
    end: async () => {
      await agents.stopAll(stopWithinMs);
      await vaults.close();
      await operators.close();
      journalFile.close();
      registry.close();
    },
  };
}

interface AgentSurroundings {
  vaults(): Vaults;
  count(): number;
  readonly resumeWatch: ResumeWatch;
}

/** What one agent is given; the vault is looked up at each use, since its identity may be replaced. */
function agentDepsOf(
  options: DaemonOptions,
  state: StateStore,
  preparation: PreparationDeps,
  vaultId: string,
  around: AgentSurroundings,
): AgentDeps {
  const { clock, random, log } = options;
  return {
    clock,
    random,
    log,
    journal: () => around.vaults().find(vaultId)?.journal ?? null,
    prepare: async (secretId, ...how) => prepareAgent(preparation, around.vaults().choose(vaultId), secretId, ...how),
    probePeriodMs: () => probePeriodMs(around.count()),
    firstProbeInMs: () => firstProbeInMs(around.count(), random),
    firstLookWithinMs: () => firstLookWithinMs(around.count()),
    heldForMs: () => around.resumeWatch.heldForMs(),
    show: (changed) => showAndKeep(changed, state, preparation.registry, log),
    kept: preparation.registry,
    announce: () => around.vaults().find(vaultId)?.link.announce(),
    boundary: (name) => options.boundary(name),
    settle: async (secretId, signal) => leaveSlots(preparation, around.vaults().choose(vaultId), secretId, log, signal),
  };
}
