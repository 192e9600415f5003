/**
 * The ways out of a rest that only a person may take: slots that somebody dropped, another server, a vault that has gone back,
 * a stranger's password. Each is asked for by name and refused where another one is needed.
 */
import type { WorkOutcome } from '@sikkerkey/core/rotation/drive.ts';
import { differentServer, epochAhead } from '@sikkerkey/core/rotation/ports.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultJournal } from '../journal/vault-journal.ts';
import type { CheckedParams } from '../local-api/handler.ts';
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
