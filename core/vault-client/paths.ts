/** Paths of the vault's /v2 routes without the schemas, which clients that must stay small do not load. Types tie both. */
import type { MachineRoute, machineRoutes } from '@sikkerkey/protocol/vault/machine.ts';
import type { OperatorRoute, operatorRoutes } from '@sikkerkey/protocol/vault/operator.ts';

type MachinePaths = { readonly [R in MachineRoute]: (typeof machineRoutes)[R]['path'] };
type OperatorPaths = { readonly [R in OperatorRoute]: (typeof operatorRoutes)[R]['path'] };

export const machinePaths: MachinePaths = {
  readSecret: '/v2/secrets/read',
  listSecrets: '/v2/secrets/list',
  acknowledge: '/v2/secrets/acknowledge',
  endInstance: '/v2/instances/end',
  events: '/v2/events',
  pollVersions: '/v2/secrets/versions',
  agentConfiguration: '/v2/agents/configuration',
  heartbeat: '/v2/agents/heartbeat',
  pollAgents: '/v2/agents/poll',
  claim: '/v2/rotations/claim',
  look: '/v2/rotations/look',
  renew: '/v2/rotations/renew',
  confirm: '/v2/rotations/confirm',
  reject: '/v2/rotations/reject',
  drain: '/v2/rotations/drain',
  retired: '/v2/rotations/retired',
  release: '/v2/rotations/release',
  rotationState: '/v2/rotations/state',
  adopt: '/v2/adoptions/adopt',
  unadopt: '/v2/adoptions/unadopt',
  abandon: '/v2/adoptions/abandon',
  requestRotation: '/v2/rotations/request',
};

export const operatorPaths: OperatorPaths = {
  status: '/v2/operator/status',
  createProject: '/v2/operator/projects/create',
  listProjects: '/v2/operator/projects/list',
  createSecret: '/v2/operator/secrets/create',
  createManagedSecret: '/v2/operator/secrets/create-managed',
  listSecrets: '/v2/operator/secrets/list',
  showSecret: '/v2/operator/secrets/show',
  updateSecret: '/v2/operator/secrets/update',
  rollbackSecret: '/v2/operator/secrets/rollback',
  deleteSecret: '/v2/operator/secrets/delete',
  listVersions: '/v2/operator/secrets/versions',
  setSchedule: '/v2/operator/secrets/schedule',
  rotate: '/v2/operator/rotations/request',
  retireNow: '/v2/operator/rotations/retire-now',
  listRotations: '/v2/operator/rotations/list',
  createBootstrapToken: '/v2/operator/machines/bootstrap-token',
  listMachines: '/v2/operator/machines/list',
  approveMachine: '/v2/operator/machines/approve',
  denyMachine: '/v2/operator/machines/deny',
  disableMachine: '/v2/operator/machines/disable',
  enableMachine: '/v2/operator/machines/enable',
  attachMachine: '/v2/operator/projects/attach-machine',
  detachMachine: '/v2/operator/projects/detach-machine',
  grant: '/v2/operator/grants/grant',
  revoke: '/v2/operator/grants/revoke',
  listGrants: '/v2/operator/grants/list',
  createOperator: '/v2/operator/operators/create',
  listOperators: '/v2/operator/operators/list',
  disableOperator: '/v2/operator/operators/disable',
  audit: '/v2/operator/audit/query',
};
