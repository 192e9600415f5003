/**
 * What goes into the store and what comes out of it: facts and sealed bytes, never a value in clear. Times are
 * milliseconds since the Unix epoch by the vault's clock. Where an answer of the protocol says it all, its type is used.
 */
import type { AgentWork, DrainInTheWay, ReaderHold } from '@sikkerkey/protocol/vault/machine.ts';
import type { OperatorAnswer } from '@sikkerkey/protocol/vault/operator.ts';

export type MachineState = 'pending' | 'approved' | 'denied' | 'disabled';
export type SecretKind = 'plain' | 'structured' | 'managed';
export type Permission = 'read' | 'rotate';
export type Slot = 'owner' | 'a' | 'b';
/** `retain` has no engine yet, so no managed secret can be adopted for it. */
export type ManagedStrategy = 'flip' | 'single';
export type VersionLabel = 'pending' | 'current' | 'previous' | 'retired' | 'quarantined' | 'superseded';
export type RotationState = 'waiting-for-drain' | 'pending' | 'claimed' | 'promoted' | 'retired' | 'rejected';
export type TlsMode = 'verify-full' | 'verify-ca' | 'require' | 'disable';

export type SecretSummary = OperatorAnswer<'showSecret'>;
export type ProjectSummary = OperatorAnswer<'createProject'>;
export type MachineSummary = OperatorAnswer<'approveMachine'>;
export type VersionSummary = OperatorAnswer<'listVersions'>['versions'][number];
export type RotationSummary = OperatorAnswer<'listRotations'>['rotations'][number];
export type GrantSummary = OperatorAnswer<'listGrants'>['grants'][number];
export type OperatorSummary = OperatorAnswer<'createOperator'>;
export type ListedOperator = OperatorAnswer<'disableOperator'>;
export type AuditEntrySummary = OperatorAnswer<'audit'>['entries'][number];
/** Holds of a secret's version; `AgentWork` and `ReaderHold` are given out as they are. */
export type { AgentWork, DrainInTheWay, ReaderHold };

/**
 * Who makes a signed request, after its signature was proven. `id` is canonical (`canonicalIdentity`). The operation
 * itself records the nonce and checks the state, in its own transaction.
 */
export interface MachineCaller {
  readonly kind: 'machine';
  readonly id: string;
  readonly nonce: string;
  /** The time that the request itself carries under its signature; within the clock window of `now`. */
  readonly signedAt: number;
  /** The vault's clock when the request arrived. */
  readonly now: number;
  /** Peer address for the audit log. */
  readonly address: string | null;
}

export interface OperatorCaller {
  readonly kind: 'operator';
  readonly id: string;
  readonly nonce: string;
  readonly signedAt: number;
  readonly now: number;
  readonly address: string | null;
}

/** One spelling for each identity, so that another spelling opens no second space of nonces (wire-runtime §1.4). */
export function canonicalIdentity(id: string): string {
  return id.toLowerCase();
}

export type { BareReason, InFlight, NonceUse, Outcome, RefusalReason, Refused } from './outcome.ts';

/** Created once by `init`. */
export interface VaultRecord {
  readonly vaultId: string;
  readonly createdAt: number;
  /** A known text sealed with the root key: a wrong unseal key does not open it. */
  readonly rootKeyVerifier: Uint8Array;
}

/** What the signature check needs; the public key of an identity never changes, so this much may be cached. */
export interface IdentityRecord {
  readonly id: string;
  readonly name: string;
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array;
  readonly fingerprint: string;
}

/** A sealed version with all that the keyring needs to open it. */
export interface SealedVersion {
  readonly projectId: string;
  readonly wrappedProjectKey: Uint8Array;
  readonly secretId: string;
  readonly version: number;
  readonly sealed: Uint8Array;
}

/** The version that the store is about to make, with all that its value and its seal depend on. */
export interface NewVersion {
  readonly projectId: string;
  readonly wrappedProjectKey: Uint8Array;
  readonly secretId: string;
  readonly version: number;
  /** Set for a managed secret: the login that the value is for and how long its password is to be. */
  readonly managed: NewManagedVersion | null;
}

export interface NewManagedVersion {
  readonly slot: Slot;
  readonly username: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly passwordLength: number;
}

/**
 * Makes and seals the value of a version whose number the store has just allotted. Called inside the transaction:
 * synchronous, without input or output, and perhaps more than once (a store may try a transaction again).
 */
export type SealNewVersion = (version: NewVersion) => Uint8Array;

/** Operations that may make a pending version bring the function that fills and seals it. */
export interface MayOffer {
  readonly seal: SealNewVersion;
}

/** Seals again under a new version number what an old version holds. Same conditions. */
export type ResealVersion = (old: SealedVersion, version: NewVersion) => Uint8Array;

/** Seals the administrator's password of a managed secret whose id the store has just allotted. Same conditions. */
export type SealAdministrator = (target: Omit<NewVersion, 'version' | 'managed'>) => Uint8Array;

export interface ServedSecret extends SealedVersion {
  readonly name: string;
  readonly kind: SecretKind;
  readonly fieldNames: string[] | null;
}

export interface ListedSecret {
  readonly secretId: string;
  readonly projectId: string;
  readonly name: string;
  readonly kind: SecretKind;
  readonly version: number;
  readonly fieldNames: string[] | null;
  readonly mayRead: boolean;
  readonly mayRotate: boolean;
}

/** How a managed secret reaches its database; the administrator's password stays sealed. */
export interface ManagedConfiguration {
  readonly secretId: string;
  readonly projectId: string;
  readonly wrappedProjectKey: Uint8Array;
  readonly name: string;
  readonly provider: 'postgresql';
  readonly strategy: ManagedStrategy;
  readonly owner: string;
  readonly adopted: boolean;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: TlsMode;
  readonly adminUser: string | null;
  readonly sealedAdminPassword: Uint8Array | null;
  readonly liveVersion: number;
  readonly nextRotationAt: number | null;
  /** The adoption's own rotation while its version is pending. */
  readonly adoptionRotationId: string | null;
}

export interface VersionInSlot {
  readonly version: number;
  readonly slot: Slot;
}

export interface ClaimedCredential extends SealedVersion {
  readonly slot: Slot;
  readonly label: 'pending' | 'current' | 'previous' | 'retired';
  readonly username: string;
}

export interface ClaimedWork {
  readonly secretId: string;
  readonly rotationId: string | null;
  readonly epoch: number;
  readonly leaseMs: number;
  readonly strategy: ManagedStrategy;
  readonly phase: 'pending' | 'promoted' | 'steady';
  readonly versions: { readonly live: VersionInSlot; readonly pending: VersionInSlot | null; readonly previous: VersionInSlot | null };
  readonly credentials: readonly ClaimedCredential[];
}

/** What a look for drift compares. `standing` null: not adopted, or something is in flight or claimed. */
export interface DriftLook {
  readonly configuration: ManagedConfiguration;
  readonly standing: { readonly live: VersionInSlot; readonly credentials: readonly ClaimedCredential[] } | null;
}

export type ClaimResult =
  | { readonly outcome: 'claimed'; readonly work: ClaimedWork }
  | { readonly outcome: 'nothing' }
  | { readonly outcome: 'behind' }
  | { readonly outcome: 'held'; readonly retryInMs: number };

export type DrainResult =
  | { readonly state: 'draining'; readonly holdOuts: ReaderHold[]; readonly holdOutCount: number; readonly deadlineInMs: number }
  | { readonly state: 'clear' | 'deadline-passed' | 'over' };

export interface RotationDescription {
  readonly rotationId: string;
  readonly secretId: string;
  readonly version: number;
  readonly state: RotationState;
  readonly epoch: number;
  readonly requestedAt: number;
  readonly promotedAt: number | null;
  readonly endedAt: number | null;
}

export interface RequestedRotation {
  readonly rotationId: string;
  readonly state: 'pending' | 'waiting-for-drain';
  /** What has to drain first; null where nothing does. */
  readonly waitsFor: DrainInTheWay | null;
}

/** A value that was printed. `heldForMs`: how long whoever reads may use it; null: until the drain deadline. */
export interface CommandLineRead {
  readonly heldForMs: number | null;
}

/** What a published agent gets (wire-runtime §2.9). `pending` under the newest alias; null when nothing is offered to it. */
export interface PublishedConfiguration extends ManagedConfiguration {
  readonly pending: (SealedVersion & { readonly rotationId: string }) | null;
}

export interface ReportedAgent {
  readonly secretId: string;
  readonly state: string;
  readonly rotationId: string | null;
  readonly version: number | null;
  readonly errorCode: string | null;
}

export type PolledChange = { readonly secretId: string; readonly status: 'changed' | 'deleted' | 'access_denied' };
export type PolledVersion = { readonly secretId: string; readonly status: 'ok' | 'deleted' | 'denied'; readonly version: number | null };

/** A committed change, as one machine may see it. The cursor is the position after it. */
export type StoredEvent =
  | { readonly kind: 'secret-changed'; readonly cursor: string; readonly secretId: string; readonly version: number }
  | { readonly kind: 'secret-deleted' | 'access-lost' | 'access-granted'; readonly cursor: string; readonly secretId: string }
  | { readonly kind: 'rotation-offered' | 'drain-clear'; readonly cursor: string; readonly secretId: string; readonly rotationId: string }
  | {
      readonly kind: 'rotation-ended';
      readonly cursor: string;
      readonly secretId: string;
      readonly rotationId: string;
      readonly outcome: 'retired' | 'rejected';
    };

export type EventPage =
  /** `cursor`: go on from here, also when no event was for this machine. `more`: the limit cut the page. */
  | { readonly kind: 'events'; readonly events: readonly StoredEvent[]; readonly cursor: string; readonly more: boolean }
  /** The cursor is unknown or older than what is kept: read everything anew, then go on from this one. */
  | { readonly kind: 'reset'; readonly cursor: string }
  /** The machine may not listen any more. */
  | { readonly kind: 'stopped'; readonly state: MachineState | 'unknown' };

export interface VaultStatus {
  readonly projects: number;
  readonly secrets: number;
  readonly machines: number;
  readonly pendingMachines: number;
  readonly rotationsInFlight: number;
  readonly auditSequence: number;
}
