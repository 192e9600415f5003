/** The table of the local API's methods, each bound to the part that answers it. */
import { readSelf } from '@sikkerkey/core/vault-client/enroll.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { type OperatorRoute, operatorRoutes } from '@sikkerkey/protocol/vault/operator.ts';
import type { AgentService } from './agents/agent-service.ts';
import type { StateStore } from './facts/state-store.ts';
import { type AwaitedApprovals, successorOf } from './identities/awaited-approvals.ts';
import { type EnrollmentDeps, enroll } from './identities/enrollment.ts';
import type { MachineIdentity } from './identities/identity-files.ts';
import type { Operators } from './identities/operators.ts';
import { checkedAgainst } from './local-api/dispatch.ts';
import type { CheckedParams, Handlers } from './local-api/handler.ts';
import type { Vaults } from './vault-link/vaults.ts';

export interface HandlerParts {
  readonly state: StateStore;
  readonly agents: AgentService;
  readonly vaults: Vaults;
  readonly operators: Operators;
  readonly enrollment: EnrollmentDeps;
  readonly approvals: AwaitedApprovals;
  /** Begins the orderly end, after the answer has left. */
  requestStop(): void;
}

/** Often it is this machine or an agent of this host that an operator's call was about: it need not wait for its next look. */
const concernsAgents: ReadonlySet<OperatorRoute> = new Set(['approveMachine', 'denyMachine', 'enableMachine', 'grant', 'setSchedule']);

export function createHandlers(parts: HandlerParts): Handlers {
  const { state, agents } = parts;
  return {
    'daemon.status': async () => ({ daemon: state.daemon, vaults: state.vaults(), agents: state.agents().length }),
    'daemon.stop': async () => {
      parts.requestStop();
      return {};
    },
    'identity.enroll': (params, signal) => enrollHere(parts, params, signal),
    'identity.list': async () => ({ vaults: state.vaults() }),
    'operator.add': (params, signal) => addOperator(parts, params, signal),
    'operator.call': async ({ vaultId, route, body }, signal) => {
      const checked: unknown = checkedAgainst(operatorRoutes[route].body, body);
      const answer = await parts.operators.call(vaultId, route, checked as never, signal);
      if (concernsAgents.has(route)) {
        for (const { link } of parts.vaults.contexts()) link.askNow();
        parts.approvals.askNow();
      }
      return { answer };
    },
    'agent.list': async () => ({ agents: agents.list() }),
    'agent.show': async ({ secretId }) => agents.show(secretId),
    'agent.configure': (params, signal) => agents.configure(params, signal),
    'agent.acceptHba': ({ secretId }, signal) => agents.acceptHba(secretId, signal),
    'agent.test': ({ secretId }, signal) => agents.test(secretId, signal),
    'agent.plan': (params, signal) => agents.plan(params, signal),
    'agent.adopt': (params, signal) => agents.adopt(params, signal),
    'agent.unAdopt': ({ secretId }, signal) => agents.unAdopt(secretId, signal),
    'agent.start': (params, signal) => agents.start(params, signal),
    'agent.stop': ({ secretId }) => agents.stop(secretId),
    'agent.remove': (params, signal) => agents.remove(params, signal),
    'agent.rotate': ({ secretId }, signal) => agents.rotate(secretId, signal),
    'agent.repair': (params, signal) => agents.repair(params, signal),
  };
}

async function enrollHere(parts: HandlerParts, params: CheckedParams<'identity.enroll'>, signal: AbortSignal): Promise<VaultFact> {
  const { identity, awaitsApproval } = await enroll(
    parts.enrollment,
    { apiUrl: params.apiUrl, token: params.token, name: params.name, hasMoved: params.hasMoved ?? false },
    signal,
  );
  if (awaitsApproval) return successorFact(parts, identity, signal);
  const context = parts.vaults.choose(identity.vaultId);
  // The answer says at once whether somebody must approve the machine; the link goes on from there.
  const self = await readSelf(context.client, { signal });
  parts.vaults.show(identity.vaultId, { machineState: self.state, reachable: true, protocol: 'v2' });
  parts.vaults.connect(identity.vaultId);
  const fact = parts.state.vault(identity.vaultId);
  if (fact === undefined) throw new CatalogueError('vault-unknown', { vaultId: identity.vaultId });
  return fact;
}

/** Told as the machine that must be approved; the one in use is shown until then. */
async function successorFact(parts: HandlerParts, identity: MachineIdentity, signal: AbortSignal): Promise<VaultFact> {
  const { vaultId } = identity;
  const self = await parts.approvals.self(identity, signal);
  const successor = successorOf(identity, self.state);
  parts.vaults.show(vaultId, { successor });
  parts.approvals.watch(vaultId);
  const inUse = parts.state.vault(vaultId);
  if (inUse === undefined) throw new CatalogueError('vault-unknown', { vaultId });
  const { machineId, machineName, fingerprint, machineState } = successor;
  return { ...inUse, machineId, machineName, fingerprint, machineState };
}

async function addOperator(
  parts: HandlerParts,
  params: CheckedParams<'operator.add'>,
  signal: AbortSignal,
): Promise<{ vaultId: string; operatorId: string }> {
  const { vaultId, apiUrl, operatorId, key, hasMoved = false } = params;
  const added = await parts.operators.add({ vaultId, apiUrl, operatorId, key, hasMoved }, signal);
  parts.vaults.show(added.vaultId, { operatorId: added.operatorId });
  return { ...added };
}
