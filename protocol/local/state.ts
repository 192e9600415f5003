/**
 * The daemon's state as front ends mirror it: facts only, never prose and never a secret. A subscription begins with a
 * snapshot; every later change is a whole value of one slice with a sequence number (local-api.md, Streaming).
 */
import * as z from 'zod';
import { identifier, instant, strategy, tlsMode } from '../vault/shapes.ts';

/** `count`: processes, reads (`command-line`, `published-client`) or sessions. `lastReadAt` where reads are counted. */
export const holdOutFact = z.object({
  kind: z.enum(['reader', 'command-line', 'published-client', 'unnamed-reader', 'session']),
  name: z.string(),
  count: z.int(),
  lastReadAt: instant.optional(),
});

/** The steps of the rail, in their order; a step is done, current, or to come. */
export const railSteps = ['received', 'sealed', 'applied', 'verified', 'promoted', 'draining', 'retired'] as const;

export const agentFact = z.object({
  secretId: identifier,
  vaultId: identifier,
  name: z.string(),
  provider: z.string(),
  serverVersion: z.string().nullable(),
  host: z.string().nullable(),
  port: z.int().nullable(),
  database: z.string().nullable(),
  tls: tlsMode.nullable(),
  strategy: strategy.nullable(),
  adopted: z.boolean(),
  /** `local`: configured on this host · `vault`: the vault keeps the connection. */
  source: z.enum(['local', 'vault']),
  running: z.boolean(),
  /** An AgentState of core/rotation/facts; unknown values are shown as UNKNOWN. */
  state: z.string(),
  since: instant,
  step: z.enum(railSteps).nullable(),
  rotationId: identifier.nullable(),
  version: z.int().nullable(),
  attempt: z.int(),
  errorCode: z.string().nullable(),
  errorDetails: z.record(z.string(), z.union([z.string(), z.number()])),
  holdOuts: z.array(holdOutFact),
  drainDeadlineAt: instant.nullable(),
  nextRotationAt: instant.nullable(),
  /** Heartbeats that the vault acknowledged, newest last, at most five: instants. */
  beats: z.array(instant),
  lastRotation: z.object({ rotationId: identifier, endedAt: instant, durationMs: z.int(), outcome: z.string() }).nullable(),
  /** Name, strategy, version, server and schedule are from before this start of the daemon: nobody has been asked since. */
  isLastKnown: z.literal(true).optional(),
});

export const vaultFact = z.object({
  vaultId: identifier,
  apiUrl: z.string(),
  machineId: identifier,
  machineName: z.string(),
  fingerprint: z.string(),
  machineState: z.enum(['pending', 'approved', 'denied', 'disabled', 'unknown']),
  reachable: z.boolean(),
  sealed: z.boolean(),
  /** `v2`, or `published` for a vault that announces no capabilities. */
  protocol: z.enum(['v2', 'published', 'unknown']),
  latencyMs: z.number().nullable(),
  /** Vault clock minus ours. */
  skewMs: z.number().nullable(),
  pushConnected: z.boolean(),
  operatorId: identifier.nullable(),
  keyProtection: z.enum(['keychain', 'systemd-credential', 'sealed-file', 'plain-file']),
  errorCode: z.string().nullable(),
  /** Enrolled in place of the identity in use, which stays in use until this one is approved. */
  successor: z
    .object({
      machineId: identifier,
      machineName: z.string(),
      fingerprint: z.string(),
      machineState: z.enum(['pending', 'approved', 'denied', 'disabled', 'unknown']),
      /** Why it does not take its place yet, although it is approved. */
      errorCode: z.string().optional(),
      errorDetails: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    })
    .optional(),
  /** Facts of the error, where there are any. */
  errorDetails: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

export const daemonFact = z.object({
  bootId: z.string(),
  pid: z.int(),
  version: z.string(),
  wireVersion: z.int(),
  startedAt: instant,
  home: z.string(),
  journal: z.enum(['ok', 'unavailable']),
});

export const snapshot = z.object({ sequence: z.int(), daemon: daemonFact, vaults: z.array(vaultFact), agents: z.array(agentFact) });

export const change = z.discriminatedUnion('slice', [
  z.object({ sequence: z.int(), slice: z.literal('daemon'), value: daemonFact }),
  z.object({ sequence: z.int(), slice: z.literal('vault'), value: vaultFact }),
  z.object({ sequence: z.int(), slice: z.literal('vault-removed'), vaultId: identifier }),
  z.object({ sequence: z.int(), slice: z.literal('agent'), value: agentFact }),
  z.object({ sequence: z.int(), slice: z.literal('agent-removed'), secretId: identifier }),
  /** Nothing changed; sent every 5 s so that a sleeping laptop notices a dead daemon. */
  z.object({ sequence: z.int(), slice: z.literal('alive'), at: instant }),
]);

export type AgentFact = z.infer<typeof agentFact>;
export type VaultFact = z.infer<typeof vaultFact>;
export type DaemonFact = z.infer<typeof daemonFact>;
export type Snapshot = z.infer<typeof snapshot>;
export type Change = z.infer<typeof change>;
export type HoldOutFact = z.infer<typeof holdOutFact>;
