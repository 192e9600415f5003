/**
 * What operators do to the vault, one signed POST each (header X-Operator-Id). The daemon holds the key and signs for
 * the CLI; the web console will use the same table. No answer ever carries a secret's value.
 */
import * as z from 'zod';
import { drainInTheWay, readerHold } from './machine.ts';
import {
  displayName,
  durationMs,
  identifier,
  instant,
  provider,
  secretFields,
  secretValue,
  strategy,
  tlsMode,
  versionNumber,
} from './shapes.ts';

const machine = z.strictObject({
  machineId: identifier,
  name: z.string(),
  hostname: z.string(),
  state: z.enum(['pending', 'approved', 'denied', 'disabled']),
  fingerprint: z.string(),
  createdAt: instant,
  lastSeenAt: instant.nullable(),
  projects: z.array(identifier),
});
const operator = z.strictObject({
  operatorId: identifier,
  name: z.string(),
  fingerprint: z.string(),
  state: z.enum(['enabled', 'disabled']),
  createdAt: instant,
});
const project = z.strictObject({ projectId: identifier, name: z.string(), createdAt: instant, secrets: z.int(), machines: z.int() });
const version = z.strictObject({
  version: versionNumber,
  label: z.enum(['pending', 'current', 'previous', 'retired', 'quarantined', 'superseded']),
  slot: z.enum(['owner', 'a', 'b']).nullable(),
  createdAt: instant,
  createdBy: z.string(),
});
const secret = z.strictObject({
  secretId: identifier,
  projectId: identifier,
  name: z.string(),
  kind: z.enum(['plain', 'structured', 'managed']),
  version: versionNumber,
  fieldNames: z.array(z.string()).nullable(),
  createdAt: instant,
  updatedAt: instant,
  managed: z
    .strictObject({
      provider,
      strategy,
      owner: z.string(),
      adopted: z.boolean(),
      intervalMs: durationMs.nullable(),
      nextRotationAt: instant.nullable(),
      drainDeadlineMs: durationMs,
      phase: z.enum(['none', 'pending', 'claimed', 'promoted', 'waiting-for-drain']),
      rotationId: identifier.nullable(),
      agentState: z.string().nullable(),
      agentSeenAt: instant.nullable(),
      errorCode: z.string().nullable(),
    })
    .nullable(),
});
/** Published limits for generated values: length 1–1024 (default 32), four charsets; managed ones use the safe alphabet and ≥ 20. */
const generation = {
  length: z.int().min(1).max(1024).optional(),
  charset: z.enum(['symbols', 'alphanumeric', 'numbers', 'uuid']).optional(),
};
const intervalMs = durationMs.min(1000).nullable();
const nothing = z.strictObject({});
const byId = z.strictObject({ secretId: identifier });

export const operatorRoutes = {
  status: {
    path: '/v2/operator/status',
    body: nothing,
    answer: z.strictObject({
      vaultId: identifier,
      version: z.string(),
      operatorId: identifier,
      projects: z.int(),
      secrets: z.int(),
      machines: z.int(),
      pendingMachines: z.int(),
      rotationsInFlight: z.int(),
      auditSequence: z.int(),
    }),
  },
  createProject: { path: '/v2/operator/projects/create', body: z.strictObject({ name: displayName }), answer: project },
  listProjects: { path: '/v2/operator/projects/list', body: nothing, answer: z.strictObject({ projects: z.array(project) }) },
  /** Plain: `value` or generation. Structured: `fields`. */
  createSecret: {
    path: '/v2/operator/secrets/create',
    body: z.strictObject({
      projectId: identifier,
      name: displayName,
      value: secretValue.optional(),
      fields: secretFields.optional(),
      ...generation,
    }),
    answer: secret,
  },
  /** The login as it is today; nothing is changed until it is adopted. `connection` lets published agents serve it. */
  createManagedSecret: {
    path: '/v2/operator/secrets/create-managed',
    body: z.strictObject({
      projectId: identifier,
      name: displayName,
      provider,
      username: z.string().min(1).max(63),
      password: z.string().min(1).max(1024),
      host: z.string().min(1).max(255),
      port: z.int().min(1).max(65_535),
      database: z.string().min(1).max(63),
      /** Kept sealed; given to a machine that may rotate this secret. */
      admin: z.strictObject({ user: z.string().min(1).max(63), password: z.string().min(1).max(1024) }).optional(),
      tls: tlsMode.optional(),
      intervalMs: intervalMs.optional(),
      drainDeadlineMs: durationMs.min(1000).optional(),
      /** At least a day: a backup restored tomorrow must still be recognised. */
      backupHorizonMs: durationMs.min(86_400_000).optional(),
      length: z.int().min(20).max(1024).optional(),
    }),
    answer: secret,
  },
  listSecrets: {
    path: '/v2/operator/secrets/list',
    body: z.strictObject({ projectId: identifier.optional() }),
    answer: z.strictObject({ secrets: z.array(secret) }),
  },
  showSecret: { path: '/v2/operator/secrets/show', body: byId, answer: secret },
  /** A new version of an ordinary secret. 409 for a managed one: rotate instead. */
  updateSecret: {
    path: '/v2/operator/secrets/update',
    body: z.strictObject({
      secretId: identifier,
      value: secretValue.optional(),
      fields: secretFields.optional(),
      ...generation,
    }),
    answer: secret,
  },
  /** Makes a new version with the value of an old one. 409 for a managed secret. */
  rollbackSecret: {
    path: '/v2/operator/secrets/rollback',
    body: z.strictObject({ secretId: identifier, version: versionNumber }),
    answer: secret,
  },
  deleteSecret: { path: '/v2/operator/secrets/delete', body: byId, answer: nothing },
  listVersions: { path: '/v2/operator/secrets/versions', body: byId, answer: z.strictObject({ versions: z.array(version) }) },
  setSchedule: {
    path: '/v2/operator/secrets/schedule',
    body: z.strictObject({ secretId: identifier, intervalMs, drainDeadlineMs: durationMs.min(1000).optional() }),
    answer: secret,
  },
  rotate: {
    path: '/v2/operator/rotations/request',
    body: byId,
    answer: z.strictObject({
      rotationId: identifier,
      state: z.enum(['pending', 'waiting-for-drain']),
      waitsFor: drainInTheWay.nullable(),
    }),
  },
  /** The emergency exit: clears the holds of the draining version. The answer names whom that will break. */
  retireNow: {
    path: '/v2/operator/rotations/retire-now',
    body: byId,
    answer: z.strictObject({ rotationId: identifier, broken: z.array(readerHold) }),
  },
  listRotations: {
    path: '/v2/operator/rotations/list',
    body: z.strictObject({ secretId: identifier, limit: z.int().min(1).max(200).optional() }),
    answer: z.strictObject({
      rotations: z.array(
        z.strictObject({
          rotationId: identifier,
          version: versionNumber,
          state: z.string(),
          epoch: z.int(),
          requestedAt: instant,
          promotedAt: instant.nullable(),
          endedAt: instant.nullable(),
          errorCode: z.string().nullable(),
          holdOuts: z.array(readerHold),
          /** While it drains: when the version before is retired at the latest. */
          drainDeadlineAt: instant.nullable(),
        }),
      ),
    }),
  },
  /** One-time token, valid ten minutes, shown once. */
  createBootstrapToken: {
    path: '/v2/operator/machines/bootstrap-token',
    body: z.strictObject({ projectIds: z.array(identifier).max(50).optional() }),
    answer: z.strictObject({ token: z.string(), expiresAt: instant }),
  },
  listMachines: { path: '/v2/operator/machines/list', body: nothing, answer: z.strictObject({ machines: z.array(machine) }) },
  approveMachine: {
    path: '/v2/operator/machines/approve',
    body: z.strictObject({ machineId: identifier, fingerprint: z.string().optional() }),
    answer: machine,
  },
  denyMachine: { path: '/v2/operator/machines/deny', body: z.strictObject({ machineId: identifier }), answer: machine },
  disableMachine: { path: '/v2/operator/machines/disable', body: z.strictObject({ machineId: identifier }), answer: machine },
  enableMachine: { path: '/v2/operator/machines/enable', body: z.strictObject({ machineId: identifier }), answer: machine },
  attachMachine: {
    path: '/v2/operator/projects/attach-machine',
    body: z.strictObject({ projectId: identifier, machineId: identifier }),
    answer: nothing,
  },
  detachMachine: {
    path: '/v2/operator/projects/detach-machine',
    body: z.strictObject({ projectId: identifier, machineId: identifier }),
    answer: nothing,
  },
  /** `read`: may read the live value. `rotate`: may run the agent (claims, configuration). */
  grant: {
    path: '/v2/operator/grants/grant',
    body: z.strictObject({ secretId: identifier, machineId: identifier, permission: z.enum(['read', 'rotate']) }),
    answer: nothing,
  },
  revoke: {
    path: '/v2/operator/grants/revoke',
    body: z.strictObject({ secretId: identifier, machineId: identifier, permission: z.enum(['read', 'rotate']) }),
    answer: nothing,
  },
  listGrants: {
    path: '/v2/operator/grants/list',
    body: byId,
    answer: z.strictObject({
      grants: z.array(z.strictObject({ machineId: identifier, machineName: z.string(), permission: z.enum(['read', 'rotate']) })),
    }),
  },
  createOperator: {
    path: '/v2/operator/operators/create',
    body: z.strictObject({ name: displayName, publicKey: z.string().length(44) }),
    answer: z.strictObject({ operatorId: identifier, name: z.string(), fingerprint: z.string() }),
  },
  listOperators: { path: '/v2/operator/operators/list', body: nothing, answer: z.strictObject({ operators: z.array(operator) }) },
  /** For good. 409 for the last one who is enabled. */
  disableOperator: { path: '/v2/operator/operators/disable', body: z.strictObject({ operatorId: identifier }), answer: operator },
  audit: {
    path: '/v2/operator/audit/query',
    body: z.strictObject({ before: z.int().min(1).optional(), limit: z.int().min(1).max(200).optional(), secretId: identifier.optional() }),
    answer: z.strictObject({
      entries: z.array(
        z.strictObject({
          sequence: z.int(),
          at: instant,
          actorKind: z.string(),
          actorId: z.string(),
          action: z.string(),
          subject: z.string().nullable(),
          outcome: z.string(),
          detail: z.string().nullable(),
        }),
      ),
    }),
  },
} as const;

export type OperatorRoute = keyof typeof operatorRoutes;
export type OperatorBody<R extends OperatorRoute> = z.infer<(typeof operatorRoutes)[R]['body']>;
export type OperatorAnswer<R extends OperatorRoute> = z.infer<(typeof operatorRoutes)[R]['answer']>;
