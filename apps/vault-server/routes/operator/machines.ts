/** Operators let machines in and out: bootstrap tokens, approval, membership of projects, grants. */
import { createHash } from 'node:crypto';
import { done } from '../../request-check/refusal.ts';
import type { MachineState, OperatorCaller } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';
import type { OperatorHandlers } from './operator-handlers.ts';

const tokenLifetimeMs = 600_000;
const tokenBytes = 32;

type MachineRoutes =
  | 'createBootstrapToken'
  | 'listMachines'
  | 'approveMachine'
  | 'denyMachine'
  | 'disableMachine'
  | 'enableMachine'
  | 'attachMachine'
  | 'detachMachine'
  | 'grant'
  | 'revoke'
  | 'listGrants';

export const machineHandlers: OperatorHandlers<MachineRoutes> = {
  createBootstrapToken: async (vault, caller, { projectIds = [] }) => {
    const token = Buffer.from(vault.random.bytes(tokenBytes)).toString('base64url');
    const tokenSha256 = createHash('sha256').update(token, 'utf8').digest();
    const expiresAt = vault.clock.now() + tokenLifetimeMs;
    done(await vault.storage.createBootstrapToken({ caller, tokenSha256, projectIds, expiresAt }), 'project');
    return { token, expiresAt };
  },
  listMachines: async (vault, caller) => ({ machines: done(await vault.storage.listMachines({ caller }), 'machine') }),
  approveMachine: (vault, caller, { machineId, fingerprint = null }) => setState(vault, caller, machineId, 'approved', fingerprint),
  denyMachine: (vault, caller, { machineId }) => setState(vault, caller, machineId, 'denied', null),
  disableMachine: (vault, caller, { machineId }) => setState(vault, caller, machineId, 'disabled', null),
  enableMachine: (vault, caller, { machineId }) => setState(vault, caller, machineId, 'approved', null),
  attachMachine: async (vault, caller, { projectId, machineId }) => {
    done(await vault.storage.attachMachine({ caller, projectId, machineId }), 'machine or project');
    return {};
  },
  detachMachine: async (vault, caller, { projectId, machineId }) => {
    done(await vault.storage.detachMachine({ caller, projectId, machineId }), 'machine or project');
    return {};
  },
  grant: async (vault, caller, { secretId, machineId, permission }) => {
    done(await vault.storage.grant({ caller, secretId, machineId, permission }), 'secret or machine');
    return {};
  },
  revoke: async (vault, caller, { secretId, machineId, permission }) => {
    done(await vault.storage.revoke({ caller, secretId, machineId, permission }), 'grant');
    return {};
  },
  listGrants: async (vault, caller, { secretId }) => ({ grants: done(await vault.storage.listGrants({ caller, secretId }), 'secret') }),
};

async function setState(
  vault: VaultParts,
  caller: OperatorCaller,
  machineId: string,
  state: Exclude<MachineState, 'pending'>,
  fingerprint: string | null,
) {
  return done(await vault.storage.setMachineState({ caller, machineId, state, fingerprint }), 'machine');
}
