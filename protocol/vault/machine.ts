/**
 * What machines call under /v2: reads that name the instance, acknowledgements, changes, rotation, heartbeats. Each
 * route is one entry: the schema of the body, and of the answer. All are signed POSTs but the capabilities (DESIGN §4).
 */
import * as z from 'zod';
import {
  displayName,
  durationMs,
  epochNumber,
  identifier,
  instant,
  poolName,
  provider,
  secretValue,
  slot,
  strategy,
  tlsMode,
  versionNumber,
  versionRef,
  versions,
} from './shapes.ts';

export const capabilities = z.object({
  product: z.literal('sikkerkey-vault'),
  version: z.string(),
  vaultId: identifier.nullable(),
  sealed: z.boolean(),
  features: z.array(z.string()),
});

/**
 * A version that some reader may still use. `reader`: one pool of one process, until it acknowledges a newer version ·
 * `command-line`: everything that a machine printed with `sikkerkey get` · `published-client`: all its reads under /v1 ·
 * `unnamed-reader`: applications that carry an adopted password without asking the vault for it.
 */
export const readerHold = z.strictObject({
  kind: z.enum(['reader', 'command-line', 'published-client', 'unnamed-reader']),
  machineId: identifier,
  machineName: z.string(),
  instance: identifier.nullable(),
  pool: poolName.nullable(),
  version: versionNumber,
  /** How many reads it stands for; those of a process are not counted. */
  reads: z.int().min(1),
  /** Null where reads are not counted. */
  lastReadAt: instant.nullable(),
  /** When it ends by itself, where its reader said so; null: with the drain deadline at the latest. */
  heldUntil: instant.nullable(),
});

/** What a rotation waits for that was asked for while another one drains. */
export const drainInTheWay = z.strictObject({
  holdOuts: z.array(readerHold).max(20),
  holdOutCount: z.int(),
  drainDeadlineAt: instant.nullable(),
});

/** Bounds the work of a look that compares them all. */
export const maxRetiredCredentials = 8;

export const credentialOfVersion = z.strictObject({
  version: versionNumber,
  slot,
  /** `retired`: an older one of the live login, so that a restored backup is recognised and repaired, never served. */
  label: z.enum(['pending', 'current', 'previous', 'retired']),
  username: z.string().min(1).max(63),
  password: z.string().min(1).max(1024),
});

export const claimedRotation = z.strictObject({
  secretId: identifier,
  rotationId: identifier.nullable(),
  epoch: epochNumber,
  leaseMs: durationMs,
  strategy,
  phase: z.enum(['pending', 'promoted', 'steady']),
  versions,
  /** The three versions at most, and the newest `maxRetiredCredentials` that the live login carried before. */
  credentials: z.array(credentialOfVersion).max(3 + maxRetiredCredentials),
});

/** Where the database is and as whom to administer it. `adminPassword` only when the vault keeps it. */
export const agentConfiguration = z.strictObject({
  secretId: identifier,
  name: displayName,
  provider,
  strategy,
  /** Name of the role that owns the objects and was adopted. */
  owner: z.string().min(1).max(63),
  adopted: z.boolean(),
  host: z.string().max(255).nullable(),
  port: z.int().min(1).max(65_535).nullable(),
  database: z.string().min(1).max(63).nullable(),
  tls: tlsMode.nullable(),
  adminUser: z.string().max(63).nullable(),
  adminPassword: z.string().max(1024).nullable(),
  liveVersion: versionNumber,
  nextRotationAt: instant.nullable(),
  /** The rotation of an adoption whose version has not gone live: it can be given up. Null otherwise. */
  adoptionRotationId: identifier.nullable(),
});

/** What a person said to the agent that claims; the audit log keeps it. */
export const personsWord = z.enum(['overwrite-foreign-password', 'recreate-slots', 'accept-server', 'accept-epoch', 'give-up']);

/** Far above what a secret can have used up by claims, and within the digits that the mark in a database has. */
const highestAcceptedEpoch = 99_999_999_999_999;

/** Why an agent was abandoned, in the words of whoever did it; one line for the audit log. */
export const abandonReason = z.string().regex(/^[^\p{C}]{1,200}$/u);

/**
 * A login of a secret that nobody will look after any more. `version` null: a slot that carries none the vault knows of.
 * `none` with a version: the daemon's journal names it and the vault does not.
 */
export const leftBehind = z.strictObject({
  login: z.string().min(1).max(63),
  version: versionNumber.nullable(),
  label: z.enum(['current', 'pending', 'previous', 'quarantined', 'none']),
});

/** What a look for drift compares: the live version, and the ended ones by which a restored backup is recognised. */
export const standingVersions = z.strictObject({
  live: versionRef,
  credentials: z.array(credentialOfVersion).max(1 + maxRetiredCredentials),
});

/** One agent's true state; the daemon's heartbeats travel together. */
export const agentHeartbeat = z.strictObject({
  secretId: identifier,
  state: z.string().regex(/^[A-Z_]{2,40}$/),
  rotationId: identifier.nullable(),
  version: versionNumber.nullable(),
  /** Code of the catalogue or of the database server; never text. */
  errorCode: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/)
    .nullable(),
});

/** What the vault has for an agent: the answer to heartbeats and polls, and the fallback of the event stream. */
export const agentWork = z.strictObject({
  secretId: identifier,
  access: z.enum(['granted', 'denied', 'gone']),
  liveVersion: versionNumber.nullable(),
  rotationId: identifier.nullable(),
  phase: z.enum(['none', 'pending', 'promoted', 'drained', 'waiting-for-drain']),
  nextRotationAt: instant.nullable(),
  holdOuts: z.array(readerHold).max(20),
  drainDeadlineAt: instant.nullable(),
});

/** Events are facts without values; `cursor` is the position after it, in commit order. */
export const vaultEvent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('hello'), cursor: z.string(), serverTime: instant }),
  /** The cursor is too old or unknown: read everything anew, then go on from this cursor. */
  z.strictObject({ kind: z.literal('reset'), cursor: z.string() }),
  z.strictObject({ kind: z.literal('keep-alive'), cursor: z.string(), serverTime: instant }),
  /** The live version changed (edit, promotion, rollback). */
  z.strictObject({ kind: z.literal('secret-changed'), cursor: z.string(), secretId: identifier, version: versionNumber }),
  z.strictObject({ kind: z.literal('secret-deleted'), cursor: z.string(), secretId: identifier }),
  z.strictObject({ kind: z.literal('access-lost'), cursor: z.string(), secretId: identifier }),
  z.strictObject({ kind: z.literal('access-granted'), cursor: z.string(), secretId: identifier }),
  /** Work for agents of this secret: claim it. */
  z.strictObject({ kind: z.literal('rotation-offered'), cursor: z.string(), secretId: identifier, rotationId: identifier }),
  /** Nobody holds the previous version any more, or its deadline passed, or an operator said: retire now. */
  z.strictObject({ kind: z.literal('drain-clear'), cursor: z.string(), secretId: identifier, rotationId: identifier }),
  z.strictObject({
    kind: z.literal('rotation-ended'),
    cursor: z.string(),
    secretId: identifier,
    rotationId: identifier,
    outcome: z.enum(['retired', 'rejected']),
  }),
]);

const rotationRef = { secretId: identifier, rotationId: identifier, epoch: epochNumber };

export const machineRoutes = {
  /**
   * Serving records the hold of (machine, instance, pool) in the same transaction (rule 3). `commandLine`: the value is
   * printed and the process ends, so nobody will acknowledge; such reads of a machine are one hold, which lasts until the
   * drain deadline, or for `heldForMs` after the last one where whoever reads answers for that.
   */
  readSecret: {
    path: '/v2/secrets/read',
    body: z.strictObject({
      secretId: identifier,
      instance: identifier,
      pool: poolName,
      commandLine: z.strictObject({ heldForMs: durationMs.min(1000).nullable() }).optional(),
    }),
    answer: z.strictObject({
      secretId: identifier,
      name: z.string(),
      version: versionNumber,
      value: secretValue,
      fieldNames: z.array(z.string()).nullable(),
    }),
  },
  listSecrets: {
    path: '/v2/secrets/list',
    body: z.strictObject({}),
    answer: z.strictObject({
      secrets: z.array(
        z.strictObject({
          secretId: identifier,
          projectId: identifier,
          name: z.string(),
          kind: z.enum(['plain', 'structured', 'managed']),
          version: versionNumber,
          /** A vault that does not say it lists what may be read. */
          mayRead: z.boolean().optional(),
          mayRotate: z.boolean(),
        }),
      ),
    }),
  },
  /** "No login with an older version is under way or will be made" by this instance and pool (rule 4). */
  acknowledge: {
    path: '/v2/secrets/acknowledge',
    body: z.strictObject({ secretId: identifier, instance: identifier, pool: poolName, version: versionNumber }),
    answer: z.strictObject({}),
  },
  /** This instance makes no more logins at all: acknowledges every version. Sent at an orderly end. */
  endInstance: {
    path: '/v2/instances/end',
    body: z.strictObject({ instance: identifier }),
    answer: z.strictObject({}),
  },
  /** Streams newline-delimited `vaultEvent`s. Null cursor: from now on. */
  events: {
    path: '/v2/events',
    body: z.strictObject({ cursor: z.string().max(128).nullable() }),
    answer: vaultEvent,
  },
  /** The fallback of the stream for readers: versions of the secrets asked about that are newer than given. */
  pollVersions: {
    path: '/v2/secrets/versions',
    body: z.strictObject({ secrets: z.array(identifier).max(1000) }),
    answer: z.strictObject({
      versions: z.array(
        z.strictObject({ secretId: identifier, status: z.enum(['ok', 'deleted', 'denied']), version: versionNumber.nullable() }),
      ),
    }),
  },
  agentConfiguration: {
    path: '/v2/agents/configuration',
    body: z.strictObject({ secretId: identifier }),
    answer: agentConfiguration,
  },
  /** Heartbeats of one daemon; the answer says what is to be done, so it is also the poll. */
  heartbeat: {
    path: '/v2/agents/heartbeat',
    body: z.strictObject({ daemonId: identifier, agents: z.array(agentHeartbeat).max(2000) }),
    answer: z.strictObject({ serverTime: instant, work: z.array(agentWork) }),
  },
  pollAgents: {
    path: '/v2/agents/poll',
    body: z.strictObject({ secrets: z.array(identifier).max(2000) }),
    answer: z.strictObject({ serverTime: instant, work: z.array(agentWork) }),
  },
  claim: {
    path: '/v2/rotations/claim',
    body: z.strictObject({
      secretId: identifier,
      daemonId: identifier,
      purpose: z.enum(['work', 'repair']),
      word: personsWord.optional(),
      /** With the word `accept-epoch`: the epoch that the database holds; the granted one exceeds it. */
      aboveEpoch: z.int().min(1).max(highestAcceptedEpoch).optional(),
      /** The highest epoch that this host was ever granted: a vault that has not given it grants nothing, and counts nothing. */
      knownEpoch: epochNumber.optional(),
    }),
    answer: z.discriminatedUnion('outcome', [
      z.strictObject({ outcome: z.literal('claimed'), rotation: claimedRotation }),
      /** The vault has gone back behind `knownEpoch`. */
      z.strictObject({ outcome: z.literal('behind') }),
      z.strictObject({ outcome: z.literal('nothing') }),
      z.strictObject({ outcome: z.literal('held'), retryInMs: durationMs }),
    ]),
  },
  /**
   * All that a look for drift needs, without a claim: it may read the database and change nothing. `standing` is null where
   * the secret is not adopted, or something of it is in flight or claimed: then only a claim may say more.
   */
  look: {
    path: '/v2/rotations/look',
    body: z.strictObject({ secretId: identifier }),
    answer: z.strictObject({ configuration: agentConfiguration, standing: standingVersions.nullable() }),
  },
  renew: {
    path: '/v2/rotations/renew',
    body: z.strictObject({ secretId: identifier, epoch: epochNumber }),
    /** Not newest: a higher one was granted since, or the vault has gone back and its newest is lower. 0: none was granted. */
    answer: z.strictObject({ newest: z.boolean(), newestEpoch: z.int().min(0), leaseMs: durationMs }),
  },
  /** Idempotent; any alias of the rotation confirms it. */
  confirm: {
    path: '/v2/rotations/confirm',
    body: z.strictObject(rotationRef),
    answer: z.strictObject({ outcome: z.enum(['promoted', 'stale-epoch', 'rejected', 'finished']) }),
  },
  /** Idempotent; the pending value goes to a sealed quarantine, never away. */
  reject: {
    path: '/v2/rotations/reject',
    body: z.strictObject({ ...rotationRef, errorCode: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/) }),
    answer: z.strictObject({ outcome: z.enum(['rejected', 'over']) }),
  },
  drain: {
    path: '/v2/rotations/drain',
    body: z.strictObject(rotationRef),
    answer: z.discriminatedUnion('state', [
      z.strictObject({
        state: z.literal('draining'),
        holdOuts: z.array(readerHold).max(20),
        holdOutCount: z.int(),
        deadlineInMs: durationMs,
      }),
      z.strictObject({ state: z.literal('clear') }),
      z.strictObject({ state: z.literal('deadline-passed') }),
      z.strictObject({ state: z.literal('over') }),
    ]),
  },
  retired: {
    path: '/v2/rotations/retired',
    body: z.strictObject(rotationRef),
    answer: z.strictObject({ outcome: z.enum(['retired', 'over']) }),
  },
  /** Ends a claim made for a repair or a probe. */
  release: {
    path: '/v2/rotations/release',
    body: z.strictObject({ secretId: identifier, epoch: epochNumber }),
    answer: z.strictObject({}),
  },
  rotationState: {
    path: '/v2/rotations/state',
    body: z.strictObject({ rotationId: identifier }),
    answer: z.strictObject({
      rotationId: identifier,
      secretId: identifier,
      version: versionNumber,
      state: z.enum(['waiting-for-drain', 'pending', 'claimed', 'promoted', 'retired', 'rejected']),
      epoch: z.int(),
      requestedAt: instant,
      promotedAt: instant.nullable(),
      endedAt: instant.nullable(),
    }),
  },
  /**
   * Stores strategy, owner and slots with the secret and asks for the first rotation onto slot `a`. Sent after the
   * daemon's preflight. Login names: owner, `<owner>_a`, `<owner>_b`.
   */
  adopt: {
    path: '/v2/adoptions/adopt',
    body: z.strictObject({ secretId: identifier, strategy, owner: z.string().min(1).max(61) }),
    answer: z.strictObject({ rotationId: identifier }),
  },
  /** Asks for the rotation back onto `owner`. 409 WAITING_FOR_DRAIN unless nothing is pending, draining or claimed (rule 8). */
  unadopt: {
    path: '/v2/adoptions/unadopt',
    body: z.strictObject({ secretId: identifier }),
    answer: z.strictObject({ rotationId: identifier }),
  },
  /**
   * The database is gone for good: ends what is in flight although nobody can say what the database holds, takes the secret
   * out of management, and keeps every value sealed. Names what may be left there. Refused while another daemon holds the
   * claim; asked again, it answers the same.
   */
  abandon: {
    path: '/v2/adoptions/abandon',
    body: z.strictObject({ secretId: identifier, daemonId: identifier, reason: abandonReason }),
    answer: z.strictObject({ leftBehind: z.array(leftBehind) }),
  },
  /** Operate-grant of the machine: ask for a rotation now, as an operator would. */
  requestRotation: {
    path: '/v2/rotations/request',
    body: z.strictObject({ secretId: identifier }),
    answer: z.strictObject({
      rotationId: identifier,
      state: z.enum(['pending', 'waiting-for-drain']),
      waitsFor: drainInTheWay.nullable(),
    }),
  },
} as const;

export type MachineRoute = keyof typeof machineRoutes;
export type MachineBody<R extends MachineRoute> = z.infer<(typeof machineRoutes)[R]['body']>;
export type MachineAnswer<R extends MachineRoute> = z.infer<(typeof machineRoutes)[R]['answer']>;
export type VaultEvent = z.infer<typeof vaultEvent>;
export type AgentWork = z.infer<typeof agentWork>;
export type AgentHeartbeat = z.infer<typeof agentHeartbeat>;
export type AgentConfiguration = z.infer<typeof agentConfiguration>;
export type ClaimedRotation = z.infer<typeof claimedRotation>;
export type StandingVersions = z.infer<typeof standingVersions>;
export type ReaderHold = z.infer<typeof readerHold>;
export type DrainInTheWay = z.infer<typeof drainInTheWay>;
export type LeftBehind = z.infer<typeof leftBehind>;
export type Capabilities = z.infer<typeof capabilities>;

/** One-time enrollment of a machine: unsigned, the token is the credential; the machine is pending until approved. */
export const enrollRoute = {
  path: '/v2/enroll',
  body: z.strictObject({
    token: z.string().regex(/^[A-Za-z0-9_-]{20,128}$/),
    publicKey: z.string().length(44),
    hostname: z.string().min(1).max(253),
    name: displayName.optional(),
  }),
  answer: z.strictObject({
    machineId: identifier,
    vaultId: identifier,
    machineName: z.string(),
    apiUrl: z.string(),
    fingerprint: z.string(),
    state: z.enum(['pending', 'approved']),
  }),
} as const;
/** `GET /v2/machine`, signed: what the vault knows of the caller; the only route open to a pending machine. */
export const selfRoute = {
  path: '/v2/machine',
  answer: z.strictObject({
    machineId: identifier,
    name: z.string(),
    state: z.enum(['pending', 'approved', 'denied', 'disabled']),
    fingerprint: z.string(),
    vaultId: identifier,
  }),
} as const;
