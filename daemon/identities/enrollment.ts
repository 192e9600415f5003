/**
 * Enrolls this host: the key is on disk before the vault is asked, so that a lost answer is asked for again with the same
 * key. An identity that is in use stays in use until its successor is approved; it is replaced only after what it sealed is
 * sealed anew, and a crash in between is mended.
 */
import { createHash } from 'node:crypto';
import { generateSigningKey, parsePrivateKeyPem, type SigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import { readSpokenProtocol } from '@sikkerkey/core/vault-client/capabilities.ts';
import { enrollMachine } from '@sikkerkey/core/vault-client/enroll.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import type { VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import type { JournalFile } from '../journal/journal-file.ts';
import { createSealer, type Sealer } from '../journal/sealing.ts';
import { resealVaultRows } from '../journal/vault-journal.ts';
import type { IdentityFiles, MachineIdentity } from './identity-files.ts';
import { vaultAddress } from './vault-address.ts';

export interface EnrollmentDeps {
  readonly files: IdentityFiles;
  readonly registry: AgentRegistry;
  readonly journalFile: JournalFile;
  readonly random: Random;
  readonly hostname: string;
  openTransport(baseUrl: string): VaultTransport;
  /** Runs `work` while no agent of that vault does anything: none may seal with a key that is being replaced. */
  readonly agents: {
    alone<T>(vaultId: string, work: () => Promise<T>): Promise<T>;
    /** One after the other with whatever else replaces or seals with the vault's identity. */
    inTurn<T>(vaultId: string, work: () => Promise<T>): Promise<T>;
  };
  /** From now on that identity signs and seals. */
  readonly vaults: { prepare(identity: MachineIdentity): Promise<unknown> };
}

export interface EnrollmentRequest {
  readonly apiUrl: string;
  readonly token: string;
  readonly name: string | undefined;
  /** A person says that a vault known here under another address has moved to this one. */
  readonly hasMoved: boolean;
}

export interface Enrolled {
  readonly identity: MachineIdentity;
  /** Another identity of this vault stays in use until this one is approved and may do what that one may. */
  readonly awaitsApproval: boolean;
}

/** Throws CatalogueError, VaultRefusal or TransportFailure; nothing is replaced then. */
export async function enroll(deps: EnrollmentDeps, request: EnrollmentRequest, signal: AbortSignal): Promise<Enrolled> {
  const apiUrl = vaultAddress(request.apiUrl);
  const attempt = createHash('sha256').update(`${apiUrl}\n${request.token}`).digest('hex').slice(0, 16);
  const transport = deps.openTransport(apiUrl);
  try {
    if ((await readSpokenProtocol(transport, { signal })).kind !== 'v2') throw new CatalogueError('enrollment-lacks-v2', {});
    // Made once the vault is known to enroll: an attempt that ends before this leaves no key on the disk.
    const key = await enrollmentKey(deps, attempt);
    const name = request.name === undefined ? {} : { name: request.name };
    const body = { token: request.token, publicKey: key.publicKeyBase64, hostname: deps.hostname, ...name };
    const answer = await enrollMachine(transport, body, { signal }).catch(async (error: unknown) => {
      if (isDefinite(error)) await deps.files.forgetEnrollmentKey(attempt);
      throw error;
    });
    const identity = { vaultId: answer.vaultId, machineId: answer.machineId, machineName: answer.machineName, apiUrl, key };
    if (!request.hasMoved) await requireSameAddress(deps.files, identity);
    deps.registry.rememberV2(identity.vaultId);
    const awaitsApproval = await isInUseHere(deps.files, identity);
    if (awaitsApproval) await deps.agents.inTurn(identity.vaultId, () => stageSuccessor(deps, identity));
    else await takeIntoUse(deps, identity);
    await deps.files.forgetEnrollmentKey(attempt);
    return { identity, awaitsApproval };
  } finally {
    await transport.close();
  }
}

/** From now on that identity signs and seals; the agents rest meanwhile. Throws CatalogueError `identity-in-use`. */
export async function takeIntoUse(deps: EnrollmentDeps, identity: MachineIdentity): Promise<void> {
  await deps.agents.alone(identity.vaultId, async () => {
    await replaceIdentity(deps, identity);
    await deps.vaults.prepare(identity);
  });
}

/** At this address: one that moved leaves nothing behind that could be used. */
async function isInUseHere(files: IdentityFiles, { vaultId, apiUrl, key }: MachineIdentity): Promise<boolean> {
  const known = await files.machine(vaultId);
  return known !== null && known.apiUrl === apiUrl && known.key.publicKeyBase64 !== key.publicKeyBase64;
}

/** Puts the successor beside the identity in use, in place of an earlier one that was not approved. */
async function stageSuccessor(deps: ReplacementDeps, identity: MachineIdentity): Promise<void> {
  const { vaultId } = identity;
  await finishReplacement(deps, vaultId);
  const former = await deps.files.machine(vaultId);
  if (former !== null) requireUnused(deps, former, identity);
  await stage(deps.files, identity);
}

/** An earlier successor goes as a whole, so that no crash leaves a key beside another's name. Nothing is sealed with it. */
async function stage(files: IdentityFiles, identity: MachineIdentity): Promise<void> {
  const staged = await files.stagedMachine(identity.vaultId);
  if (staged?.key.publicKeyBase64 === identity.key.publicKeyBase64) return;
  await files.discardStaged(identity.vaultId);
  await files.stageMachine(identity);
}

type ReplacementDeps = Pick<EnrollmentDeps, 'files' | 'registry' | 'journalFile' | 'random'>;

/**
 * After a crash in the middle of a replacement: goes on if anything is sealed with the new key, else leaves the successor
 * beside the identity in use, where it waits for its approval.
 * Throws JournalUnavailable while the journal cannot say which keys its rows open with; the staged key is kept then.
 */
export async function finishReplacement(deps: ReplacementDeps, vaultId: string): Promise<void> {
  const staged = await deps.files.stagedKey(vaultId);
  if (staged === null) return deps.files.promoteMachine(vaultId);
  const former = await deps.files.machine(vaultId);
  if (former === null) return deps.files.promoteMachine(vaultId);
  const to = createSealer(staged.seed(), vaultId, deps.random);
  const isInUse =
    deps.journalFile.rowsOf(vaultId).some((row) => row.key_id === to.keyId) || deps.registry.holdsSealedWith(vaultId, to.keyId);
  if (!isInUse) return (await deps.files.stagedMachine(vaultId)) === null ? deps.files.discardStaged(vaultId) : undefined;
  resealAll(deps, vaultId, createSealer(former.key.seed(), vaultId, deps.random), to);
  return deps.files.promoteMachine(vaultId);
}

async function replaceIdentity(deps: ReplacementDeps, identity: MachineIdentity): Promise<void> {
  const { vaultId } = identity;
  // A staged key may be the only one that something opens with; it is never overwritten.
  await finishReplacement(deps, vaultId);
  const former = await deps.files.machine(vaultId);
  if (former?.key.publicKeyBase64 === identity.key.publicKeyBase64 && former.machineId === identity.machineId) return;
  if (former !== null) requireUnused(deps, former, identity);
  await stage(deps.files, identity);
  if (former !== null) {
    const from = createSealer(former.key.seed(), vaultId, deps.random);
    const to = createSealer(identity.key.seed(), vaultId, deps.random);
    // Nothing else runs between this look and the resealing.
    requireUnused(deps, former, identity);
    resealAll(deps, vaultId, from, to);
  }
  await deps.files.promoteMachine(vaultId);
}

/**
 * A vault's id is no secret, so any server can answer with it: one that this host knows keeps its address until a person
 * says otherwise. Throws CatalogueError `vault-address-differs`.
 */
async function requireSameAddress(files: IdentityFiles, { vaultId, apiUrl }: MachineIdentity): Promise<void> {
  const known = await files.machine(vaultId);
  if (known !== null && known.apiUrl !== apiUrl) {
    throw new CatalogueError('vault-address-differs', { vaultId, knownUrl: known.apiUrl, apiUrl });
  }
}

/** Another machine has no claim on rotations in flight. Throws CatalogueError `identity-in-use`. */
function requireUnused(deps: ReplacementDeps, former: MachineIdentity, successor: MachineIdentity): void {
  const rows = deps.journalFile.rowsOf(successor.vaultId).length;
  if (rows > 0 && former.machineId !== successor.machineId) throw new CatalogueError('identity-in-use', { count: rows });
}

/** The journal first; repeatable after a crash in between. */
function resealAll(deps: ReplacementDeps, vaultId: string, from: Sealer, to: Sealer): void {
  resealVaultRows(deps.journalFile, vaultId, from, to);
  deps.registry.reseal(vaultId, from, to);
}

/**
 * Whether the vault itself refused for good, so that coming again with this key is of no use. After a lost or unreadable
 * answer, a refusal for a while, or one without a code (a proxy's, say) the vault may hold the key: it is kept then.
 */
function isDefinite(error: unknown): boolean {
  return error instanceof VaultRefusal && error.status >= 400 && !error.temporary && !error.code.startsWith('http-');
}

async function enrollmentKey(deps: EnrollmentDeps, attempt: string): Promise<SigningKey> {
  const kept = await deps.files.enrollmentKey(attempt);
  if (kept !== null) return parsePrivateKeyPem(kept);
  const made = generateSigningKey(deps.random);
  await deps.files.keepEnrollmentKey(attempt, made);
  return made;
}
