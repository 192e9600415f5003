/**
 * The ways out of a rest that only a person may take: slots that somebody dropped, another server, a stranger's password,
 * and a database that is gone for good. Each is asked for by name and refused where another one is needed.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { WorkOutcome } from '@sikkerkey/core/rotation/drive.ts';
import { differentServer, epochAhead, VaultDenied } from '@sikkerkey/core/rotation/ports.ts';
import { candidatesOf } from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { JournalRow, VersionRef, Versions } from '@sikkerkey/core/rotation/types.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import type { VaultJournal } from '../journal/vault-journal.ts';
import type { CheckedParams } from '../local-api/handler.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { Vaults } from '../vault-link/vaults.ts';
import type { AskedRepair, PreparedAgent } from './agent-deps.ts';
import { asRepair } from './epoch-ahead.ts';
import { grantedClaim, tellingEpochAhead } from './fence-refusal.ts';
import type { AgentRegistry } from './registry.ts';

export interface RepairDeps {
  readonly registry: Pick<AgentRegistry, 'setLeavingSlots'>;
  /** A vault that knows of no adoption has forgotten none. */
  isPublished(): boolean;
  boundary(name: string): void;
}

/** Throws CatalogueError `params-invalid` where more than one was asked for. */
export function askedRepair(params: CheckedParams<'agent.repair'>, deps: RepairDeps): AskedRepair {
  const { secretId, overwriteForeignPassword, recreateSlots = false, acceptServer = false, acceptEpoch = false } = params;
  if ([overwriteForeignPassword, recreateSlots, acceptServer, acceptEpoch].filter(Boolean).length > 1)
    throw new CatalogueError('params-invalid', { field: 'recreateSlots, acceptServer, acceptEpoch, overwriteForeignPassword' });
  if (acceptServer) return { request: { acceptServer }, fits: differentServer };
  if (acceptEpoch) return { request: {}, fits: epochAhead, prepare: (prepared, signal) => exceedEpoch(prepared, secretId, deps, signal) };
  if (!recreateSlots) return { request: { overwriteForeignPassword }, fits: null };
  const prepare = async (prepared: PreparedAgent, signal: AbortSignal): Promise<void> => {
    await makeDroppedSlots(prepared, secretId, signal);
    deps.boundary('slots-recreated');
  };
  return { request: {}, fits: 'login-missing', prepare };
}

/** The rest that was just found must be the one that the repair is for. Throws CatalogueError `repair-does-not-fit`. */
export function requireFit(mends: string, outcome: WorkOutcome, secretId: string): void {
  const found = outcome.kind === 'blocked' ? outcome.errorCode : 'nothing to mend';
  if (found !== mends) throw new CatalogueError('repair-does-not-fit', { secretId, mends, found });
}

/**
 * The epoch that the vault does not know goes to it, and it grants a higher one from then on. An agent with an older one
 * still refuses itself. Throws CatalogueError `repair-does-not-fit` where the vault is ahead as it should be, or `agent-busy`.
 */
async function exceedEpoch(prepared: PreparedAgent, secretId: string, deps: RepairDeps, signal: AbortSignal): Promise<void> {
  const { vault, journal } = prepared.drive;
  const { adopted, liveVersion } = prepared.configuration;
  const isForgotten = !adopted && !deps.isPublished();
  const found = await prepared.epochAhead(signal);
  if (found === null) throw new CatalogueError('repair-does-not-fit', { secretId, mends: epochAhead, found: 'no epoch that is ahead' });
  // First, so that whatever happens the repair is done, with what this host alone knows.
  const row = await journal.read(secretId);
  if (row !== null) await journal.write(asRepair(row));
  else if (isForgotten) await journal.write(repairOfUnadopted(secretId, found, liveVersion, await journal.knownServer(secretId)));
  // Adopted after the backup was taken: what the adoption put beside the login goes, as after any other way back.
  if (isForgotten) deps.registry.setLeavingSlots(secretId, true);
  const claim = grantedClaim(await vault.claim(secretId, 'repair', signal, { word: 'accept-epoch', aboveEpoch: found }), secretId);
  deps.boundary('epoch-accepted');
  if (claim.phase === 'steady') await vault.release(secretId, claim.epoch, signal);
}

/** Its passwords come with the claim. Whether its logins took turns the vault does not know: all of them are looked at. */
function repairOfUnadopted(secretId: string, epoch: number, version: number, serverFingerprint: string | null): JournalRow {
  const versions = { live: { version, slot: 'owner' }, pending: null, previous: null } as const;
  return { secretId, rotationId: null, epoch, strategy: 'flip', goal: 'repair', versions, credentials: new Map(), serverFingerprint };
}

/**
 * With nothing in flight: from now on work is done at the server that answers. Throws CatalogueError
 * `repair-does-not-fit` where that is the known one at its known address or none is known yet, or `agent-busy`.
 */
export async function acceptServerAtRest(
  prepared: PreparedAgent,
  journal: VaultJournal,
  secretId: string,
  isAtKnownAddress: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { vault } = prepared.drive;
  const [answering, known] = [await prepared.engine.identify(signal), await journal.knownServer(secretId)];
  if (isAtKnownAddress && (known === null || answering === null || known === answering))
    throw new CatalogueError('repair-does-not-fit', { secretId, mends: differentServer, found: 'the server of the journal' });
  const claim = grantedClaim(await vault.claim(secretId, 'repair', signal, { word: 'accept-server' }), secretId);
  await journal.keepServer(secretId, answering);
  if (claim.phase === 'steady') await vault.release(secretId, claim.epoch, signal);
}

/** Under a claim of its own, which the work in flight takes over; what it carries is not touched. */
async function makeDroppedSlots(prepared: PreparedAgent, secretId: string, signal: AbortSignal): Promise<void> {
  const { vault } = prepared.drive;
  const claim = grantedClaim(await vault.claim(secretId, 'repair', signal, { word: 'recreate-slots' }), secretId);
  const { epoch, phase } = claim;
  const { journal } = prepared.drive;
  const server = (await journal.read(secretId))?.serverFingerprint ?? (await journal.knownServer(secretId));
  try {
    await tellingEpochAhead(vault, claim, signal, () => prepared.engine.recreateSlots(epoch, server, signal));
  } finally {
    if (phase === 'steady') await vault.release(secretId, epoch, signal);
  }
}

export interface AbandonmentDeps {
  readonly vaults: Vaults;
  readonly clock: Clock;
  readonly log: DaemonLog;
  boundary(name: string): void;
}

/**
 * Ends at the vault what is in flight, then keeps what the database may still hold and lets the row go. Repeatable. A vault
 * that was restored from a backup does not know all of that, so the row is asked too. Of a secret that the vault has deleted
 * the row alone tells what is left; the vault keeps its values until their horizon.
 */
export async function abandonHere(
  deps: AbandonmentDeps,
  vaultId: string,
  secretId: string,
  reason: string,
  signal: AbortSignal,
): Promise<readonly LeftBehind[]> {
  const context = deps.vaults.choose(vaultId);
  if ((await context.link.protocolKnown(signal)) === 'published') throw new CatalogueError('needs-v2-vault', {});
  const row = await context.journal.read(secretId);
  const byVault = await context.abandon(secretId, reason, signal).catch((error: unknown) => {
    if (error instanceof VaultDenied && error.code === 'not-found') return null;
    throw error;
  });
  const byRow = row === null ? [] : leftByRow(row);
  const leftBehind = byVault === null ? byRow : withUnnamed(byVault, byRow);
  deps.boundary('abandoned-at-vault');
  await context.journal.abandon(secretId, leftBehind, deps.clock.now());
  deps.log.warn('agent-abandoned', { secretId, rotationId: row?.rotationId ?? null, count: leftBehind.length });
  deps.boundary('abandonment-kept');
  return leftBehind;
}

/** What the row alone knows of a restored vault has no number of that vault's, and is named without one. */
function leftByRow({ versions, credentials }: JournalRow): readonly LeftBehind[] {
  const known = candidatesOf(versions).flatMap((ref) => {
    const credential = credentials.get(ref.version);
    return credential === undefined ? [] : [{ ref, ...credential }];
  });
  const once = known.filter(({ username, password }, index) => {
    return known.findIndex((other) => other.username === username && other.password.equals(password)) === index;
  });
  const left = once.map(({ ref, username }): LeftBehind => {
    return { login: username, version: ref.version < 0 ? null : ref.version, label: labelOf(ref, versions) };
  });
  return left.filter((entry, index) => left.findIndex((other) => isSame(other, entry)) === index);
}

function labelOf(ref: VersionRef, { live, pending, previous }: Versions): LeftBehind['label'] {
  if (ref === live) return 'current';
  if (ref === pending) return 'pending';
  return ref === previous ? 'previous' : 'none';
}

/** The vault says what its versions are; of one that it does not name, nothing but the number in the row is known. */
function withUnnamed(byVault: readonly LeftBehind[], byRow: readonly LeftBehind[]): readonly LeftBehind[] {
  const unnamed = byRow.filter((entry) => !byVault.some((named) => isSame(named, entry)));
  return [...byVault, ...unnamed.map((entry): LeftBehind => ({ ...entry, label: 'none' }))];
}

function isSame(one: LeftBehind, other: LeftBehind): boolean {
  return one.login === other.login && one.version === other.version;
}
