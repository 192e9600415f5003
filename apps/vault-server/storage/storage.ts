/**
 * The storage interface: named atomic operations, each one transaction inside the store. No handle of a transaction
 * leaves it, so SQLite may group commits and PostgreSQL may pipeline; nothing here leans on one process or one node.
 *
 * An operation that names a `caller` records the caller's nonce, checks the caller's state and permission, does its
 * work, appends its audit entry and its events, all in one transaction; what it resolves with is durable. It rejects
 * with the catalogue's `vault-disk-full` or `vault-store-failed` where the store cannot be written or read, without an
 * audit key with `vault-sealed`, and else only for unexpected failures.
 * Audited: every mutation and every value handed out, one entry each, and every refused read. Not audited, because
 * nothing but liveness changes: heartbeats, renewals, polls, nonces, lockouts.
 */
import type { LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import type { AuditAuthenticator, AuditHead } from './audit-records.ts';
import type { OperatorOperations } from './operator-operations.ts';
import type {
  AgentWork,
  AuditEntrySummary,
  ClaimResult,
  CommandLineRead,
  DrainResult,
  DriftLook,
  GrantSummary,
  IdentityRecord,
  ListedSecret,
  MachineCaller,
  MachineState,
  MachineSummary,
  ManagedConfiguration,
  ManagedStrategy,
  MayOffer,
  NonceUse,
  OperatorCaller,
  Outcome,
  Permission,
  PolledChange,
  PolledVersion,
  ProjectSummary,
  PublishedConfiguration,
  ReaderHold,
  ReportedAgent,
  RequestedRotation,
  ResealVersion,
  RotationDescription,
  RotationSummary,
  SealAdministrator,
  SecretSummary,
  ServedSecret,
  TlsMode,
  VaultRecord,
  VaultStatus,
  VersionSummary,
} from './records.ts';
import type { TickOperations } from './tick-operations.ts';

interface ByMachine {
  readonly caller: MachineCaller;
}
interface ByOperator {
  readonly caller: OperatorCaller;
}
interface OfSecret {
  readonly secretId: string;
}
interface OfRotation extends OfSecret {
  /** The rotation's id or any alias of it. */
  readonly rotationId: string;
  readonly epoch: number;
}
export interface NewManagedSecret {
  readonly projectId: string;
  readonly name: string;
  readonly provider: 'postgresql';
  /** Login of the live version; the owner when it is adopted. */
  readonly username: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: TlsMode;
  readonly adminUser: string | null;
  readonly sealAdmin: SealAdministrator | null;
  readonly intervalMs: number | null;
  readonly drainDeadlineMs: number;
  readonly backupHorizonMs: number;
  readonly passwordLength: number;
}

/** The vault itself, and what is looked up before a caller is proven. */
export interface VaultOperations {
  /** Null until `initialise`. */
  vault(): Promise<VaultRecord | null>;
  /** Creates vault and first operator; 'exists' changes nothing. Needs the audit key. */
  initialise(input: {
    readonly vaultId: string;
    readonly rootKeyVerifier: Uint8Array;
    /** Made by the caller, who hands it out together with the keys before there is a vault to lose them for. */
    readonly operatorId: string;
    readonly operatorName: string;
    readonly operatorPublicKey: Uint8Array;
    readonly now: number;
  }): Promise<{ readonly kind: 'initialised' } | { readonly kind: 'exists' }>;
  /** With the authenticator of an unsealed vault, or null when it is sealed: then every audited operation rejects. */
  useAuditKey(authenticator: AuditAuthenticator | null): void;
  /** Immutable facts of an identity, for the signature check; null when unknown. `id` canonical. */
  machineByIdentity(id: string): Promise<IdentityRecord | null>;
  operatorByIdentity(id: string): Promise<IdentityRecord | null>;
  /**
   * When this machine or operator was seen last, to the minute, also where a machine was proven and refused for its clock; null
   * when never. A time to come, which a clock ahead has left, hides no other.
   */
  lastSeenAt(input: { readonly kind: 'machine' | 'operator'; readonly id: string; readonly now: number }): Promise<number | null>;
  /** Records a nonce by itself, for a signed request that reaches no other operation. */
  useNonce(caller: MachineCaller | OperatorCaller): Promise<NonceUse>;
  /** When the address may try again; null when it is not locked. */
  addressLock(input: { readonly address: string; readonly now: number }): Promise<number | null>;
  /** Counts within a sliding window; reaching `limit` locks the address for `lockMs`. Resolves as `addressLock`. */
  recordFailedAuthentication(input: {
    readonly address: string;
    readonly now: number;
    readonly limit: number;
    readonly windowMs: number;
    readonly lockMs: number;
  }): Promise<number | null>;
  status(input: ByOperator): Promise<Outcome<VaultStatus>>;
  /** Newest entry first. */
  auditEntries(
    input: ByOperator & { readonly before: number | null; readonly limit: number; readonly secretId: string | null },
  ): Promise<Outcome<AuditEntrySummary[]>>;
  /** Heads of all chains, for checkpoints. */
  auditHeads(): Promise<AuditHead[]>;
  /** Finishes what is queued, then closes. Later calls reject. */
  close(): Promise<void>;
}

export interface MachineOperations {
  /**
   * Spends the one-time token (hashed) and makes a pending machine with a new id. Unsigned: no caller. With the same key
   * again, before the token expires: the machine that it made, for an answer that was lost. Another key: 'token-invalid'.
   */
  enrollMachine(input: {
    readonly tokenSha256: Uint8Array;
    readonly publicKey: Uint8Array;
    readonly hostname: string;
    readonly name: string | null;
    readonly now: number;
    readonly address: string | null;
  }): Promise<Outcome<MachineSummary>>;
  /** The caller's own entry; open to machines in every state. */
  describeSelf(input: ByMachine): Promise<Outcome<MachineSummary>>;
  createBootstrapToken(
    input: ByOperator & { readonly tokenSha256: Uint8Array; readonly projectIds: readonly string[]; readonly expiresAt: number },
  ): Promise<Outcome<null>>;
  listMachines(input: ByOperator): Promise<Outcome<MachineSummary[]>>;
  /** approve: 'approved' (a fingerprint given must match) · deny: 'denied' · disable: 'disabled' · enable: 'approved'. */
  setMachineState(
    input: ByOperator & {
      readonly machineId: string;
      readonly state: Exclude<MachineState, 'pending'>;
      readonly fingerprint: string | null;
    },
  ): Promise<Outcome<MachineSummary>>;
  attachMachine(input: ByOperator & { readonly projectId: string; readonly machineId: string }): Promise<Outcome<null>>;
  /** Takes the machine's grants in this project away with it. */
  detachMachine(input: ByOperator & { readonly projectId: string; readonly machineId: string }): Promise<Outcome<null>>;
  grant(input: ByOperator & OfSecret & { readonly machineId: string; readonly permission: Permission }): Promise<Outcome<null>>;
  revoke(input: ByOperator & OfSecret & { readonly machineId: string; readonly permission: Permission }): Promise<Outcome<null>>;
  listGrants(input: ByOperator & OfSecret): Promise<Outcome<GrantSummary[]>>;
}

export interface SecretOperations {
  createProject(
    input: ByOperator & { readonly name: string; readonly wrapKey: (projectId: string) => Uint8Array },
  ): Promise<Outcome<ProjectSummary>>;
  listProjects(input: ByOperator): Promise<Outcome<ProjectSummary[]>>;
  /** `fieldNames`: null for a plain secret. */
  createSecret(
    input: ByOperator & { readonly projectId: string; readonly name: string; readonly fieldNames: readonly string[] | null } & MayOffer,
  ): Promise<Outcome<SecretSummary>>;
  createManagedSecret(input: ByOperator & NewManagedSecret & MayOffer): Promise<Outcome<SecretSummary>>;
  listSecrets(input: ByOperator & { readonly projectId: string | null }): Promise<Outcome<SecretSummary[]>>;
  showSecret(input: ByOperator & OfSecret): Promise<Outcome<SecretSummary>>;
  updateSecret(
    input: ByOperator & OfSecret & { readonly fieldNames: readonly string[] | null } & MayOffer,
  ): Promise<Outcome<SecretSummary>>;
  rollbackSecret(
    input: ByOperator & OfSecret & { readonly version: number; readonly reseal: ResealVersion },
  ): Promise<Outcome<SecretSummary>>;
  /** 'waiting-for-drain' while a managed secret has something pending or draining. Sealed values stay. */
  deleteSecret(input: ByOperator & OfSecret): Promise<Outcome<null>>;
  listVersions(input: ByOperator & OfSecret): Promise<Outcome<VersionSummary[]>>;
  /** `drainDeadlineMs` null: as it is. The next rotation is one interval from now. */
  setSchedule(
    input: ByOperator & OfSecret & { readonly intervalMs: number | null; readonly drainDeadlineMs: number | null },
  ): Promise<Outcome<SecretSummary>>;
}

/** The machine plane: reads, polls, acknowledgements. */
export interface ReadOperations {
  /**
   * The hot path, all in one transaction: nonce, state, grant, hold of (machine, instance, pool), last fetched version,
   * audit. `instance` and `pool` null: a published client, which holds the version until the drain deadline (rule 3);
   * `commandLine`: so does who printed it, unless a shorter time was said. Either is one hold for each machine.
   */
  readLiveSecret(
    input: ByMachine &
      OfSecret & {
        readonly instance: string | null;
        readonly pool: string | null;
        readonly commandLine?: CommandLineRead | undefined;
      },
  ): Promise<Outcome<ServedSecret>>;
  /** What the machine has any permission for. `projectId`: only there; a project that is not the machine's is 'not-found'. */
  listForMachine(input: ByMachine & { readonly projectId: string | null }): Promise<Outcome<ListedSecret[]>>;
  /** Every secret that the machine may read, each with its own hold and audit entry. */
  exportSecrets(input: ByMachine & { readonly projectId: string | null }): Promise<Outcome<ServedSecret[]>>;
  /** /v1 poll: differences to what this machine fetched last; a secret never fetched counts from this poll on. */
  pollChanges(input: ByMachine & { readonly secretIds: readonly string[] }): Promise<Outcome<PolledChange[]>>;
  pollVersions(input: ByMachine & { readonly secretIds: readonly string[] }): Promise<Outcome<PolledVersion[]>>;
  /** Clears the holds of this instance and pool on versions older than `version` (rule 4). */
  acknowledge(
    input: ByMachine & OfSecret & { readonly instance: string; readonly pool: string; readonly version: number },
  ): Promise<Outcome<null>>;
  endInstance(input: ByMachine & { readonly instance: string }): Promise<Outcome<null>>;
}

/** Rotation, for daemons (/v2), published agents (/v1) and operators. */
export interface RotationOperations {
  agentConfiguration(input: ByMachine & OfSecret): Promise<Outcome<ManagedConfiguration>>;
  heartbeat(input: ByMachine & { readonly daemonId: string; readonly agents: readonly ReportedAgent[] }): Promise<Outcome<AgentWork[]>>;
  pollAgents(input: ByMachine & { readonly secretIds: readonly string[] }): Promise<Outcome<AgentWork[]>>;
  /**
   * `word`: what a person said to the agent; audited. The epoch granted exceeds `aboveEpoch`. Where `knownEpoch` was never
   * granted here, this store was restored from a backup: 'behind', and nothing changes, unless `aboveEpoch` is given.
   */
  claim(
    input: ByMachine &
      OfSecret & {
        readonly daemonId: string;
        readonly purpose: 'work' | 'repair';
        readonly word?: string | undefined;
        readonly aboveEpoch?: number | undefined;
        readonly knownEpoch?: number | undefined;
      },
  ): Promise<Outcome<ClaimResult>>;
  /** Hands out the live and the ended values of a secret at rest, without a claim. One audit entry. */
  driftLook(input: ByMachine & OfSecret): Promise<Outcome<DriftLook>>;
  /** Not newest: the caller's epoch is over, whoever holds the claim now. */
  renewClaim(
    input: ByMachine & OfSecret & { readonly epoch: number },
  ): Promise<Outcome<{ readonly newest: boolean; readonly newestEpoch: number; readonly leaseMs: number }>>;
  confirmRotation(
    input: ByMachine & OfRotation & MayOffer,
  ): Promise<Outcome<{ readonly outcome: 'promoted' | 'stale-epoch' | 'rejected' | 'finished' }>>;
  rejectRotation(
    input: ByMachine & OfRotation & MayOffer & { readonly errorCode: string },
  ): Promise<Outcome<{ readonly outcome: 'rejected' | 'over' }>>;
  drainOf(input: ByMachine & OfRotation): Promise<Outcome<DrainResult>>;
  reportRetired(input: ByMachine & OfRotation & MayOffer): Promise<Outcome<{ readonly outcome: 'retired' | 'over' }>>;
  releaseClaim(input: ByMachine & OfSecret & { readonly epoch: number }): Promise<Outcome<null>>;
  describeRotation(input: ByMachine & { readonly rotationId: string }): Promise<Outcome<RotationDescription>>;
  adopt(
    input: ByMachine & OfSecret & MayOffer & { readonly strategy: ManagedStrategy; readonly owner: string },
  ): Promise<Outcome<{ readonly rotationId: string }>>;
  unadopt(input: ByMachine & OfSecret & MayOffer): Promise<Outcome<{ readonly rotationId: string }>>;
  /** Ends what is in flight, unseen; 'waiting-for-drain' while another daemon holds the claim. Repeatable. */
  abandon(input: ByMachine & OfSecret & { readonly daemonId: string; readonly reason: string }): Promise<Outcome<LeftBehind[]>>;
  /** Pending: the same rotation again. Draining: one waits. A login that nobody took on: `not-adopted`, or `published-agent-silent`. */
  requestRotation(input: { readonly caller: MachineCaller | OperatorCaller } & OfSecret & MayOffer): Promise<Outcome<RequestedRotation>>;
  /** Clears the holds of the draining version; the holds returned are those that will break. */
  retireNow(input: ByOperator & OfSecret): Promise<Outcome<{ readonly rotationId: string; readonly broken: ReaderHold[] }>>;
  /** Newest first. */
  listRotations(input: ByOperator & OfSecret & { readonly limit: number }): Promise<Outcome<RotationSummary[]>>;

  /** /v1 sync-config. An offer unanswered for `reofferAfterMs` comes again under a new alias (wire-runtime §8.4). */
  publishedConfiguration(input: ByMachine & OfSecret & { readonly reofferAfterMs: number }): Promise<Outcome<PublishedConfiguration>>;
  /** /v1 heartbeat; the text of an error is not kept. */
  publishedHeartbeat(input: ByMachine & OfSecret & { readonly healthy: boolean }): Promise<Outcome<null>>;
  /** /v1 confirm by any alias, idempotent. */
  publishedConfirm(input: ByMachine & OfSecret & MayOffer & { readonly rotationId: string }): Promise<Outcome<null>>;
  /** /v1 reject by any alias, idempotent; the value goes to quarantine. */
  publishedReject(input: ByMachine & OfSecret & MayOffer & { readonly rotationId: string }): Promise<Outcome<null>>;
}

export interface Storage
  extends VaultOperations,
    OperatorOperations,
    MachineOperations,
    SecretOperations,
    ReadOperations,
    RotationOperations,
    TickOperations {}
