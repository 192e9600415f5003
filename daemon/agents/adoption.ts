/**
 * Adoption and its way back (rotation-protocol.md rule 8): preflight, then the login slots on the fence under a repair
 * claim, then the vault is told, and from there it is a rotation like any other. The slots go once the way back is retired.
 */
import type { Claim } from '@sikkerkey/core/rotation/types.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import { translated } from '../vault-link/vault-port.ts';
import type { VaultContext } from '../vault-link/vaults.ts';
import type { Unsettled } from './agent-deps.ts';
import { shownFailure } from './agent-failures.ts';
import { addressOf } from './database-target.ts';
import type { EngineOfTarget } from './engine-catalogue.ts';
import { refuseForgotten } from './epoch-ahead.ts';
import { grantedClaim, tellingEpochAhead } from './fence-refusal.ts';
import { keepKnownAddress } from './known-address.ts';
import { heldEngine, type PreparationDeps, readTarget } from './preparation.ts';

/** How long until slots that are still in use are looked at again. */
const slotsInUseRetryMs = 60_000;

/**
 * The agent is registered as running before the vault is asked: whether or not the answer arrives, this host works off
 * what the vault began. Asked again after a lost answer, the vault names the same rotation.
 * Throws CatalogueError `preflight-blocked` or `agent-busy`, EngineFailure, VaultUnreachable, VaultDenied or VaultRefusal.
 */
export async function adopt(
  deps: PreparationDeps,
  context: VaultContext,
  secretId: string,
  strategy: AgentConfiguration['strategy'],
  /** A person's word on what pg_hba.conf says of the login slots. */
  acceptsHba: boolean,
  signal: AbortSignal,
): Promise<{ readonly rotationId: string }> {
  if ((await context.link.protocolKnown(signal)) === 'published') throw new CatalogueError('needs-v2-vault', {});
  const configuration = await context.configuration(secretId, signal);
  if (!configuration.adopted) await makeReady(deps, context, configuration, strategy, acceptsHba, signal);
  const wasRunning = deps.registry.find(secretId)?.running === true;
  deps.registry.setRunning(secretId, true);
  // A word on an earlier adoption says nothing about this one.
  deps.registry.setGivenUp(secretId, null);
  try {
    const answer = await context.client.machine('adopt', { secretId, strategy, owner: configuration.owner }, { signal });
    deps.registry.setLeavingSlots(secretId, false);
    return answer;
  } catch (error) {
    if (isRefused(error)) deps.registry.setRunning(secretId, wasRunning);
    throw error;
  }
}

/** Preflight and login slots; nothing that is in use changes. */
async function makeReady(
  deps: PreparationDeps,
  context: VaultContext,
  configuration: AgentConfiguration,
  strategy: AgentConfiguration['strategy'],
  acceptsHba: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { secretId } = configuration;
  const target = await readTarget(deps, context, configuration, strategy);
  const engine = deps.engines(acceptsHba ? { ...target, acceptedHba: 'all' } : target);
  const kind = strategy === 'flip' ? 'adopt' : 'rotate';
  const inspection = await engine.inspect(kind, signal);
  await refuseForgotten(context, secretId, engine.markedEpoch(inspection), signal);
  const obstacle = inspection.findings.find((finding) => finding.severity === 'blocks');
  if (obstacle !== undefined) throw new CatalogueError('preflight-blocked', { finding: obstacle.code, secretId });
  await underRepairClaim(context, secretId, signal, async (claim) => {
    await proveLiveLogin(engine, claim, signal);
    if (strategy === 'flip') await engine.prepareAdoption(claim.epoch, await context.journal.knownServer(secretId), signal);
  });
  const address = addressOf(target);
  keepKnownAddress(deps, secretId, target);
  // What was only warned of is accepted with the plan: it must not stop a rotation at night because nobody is connected.
  if (strategy === 'flip') deps.registry.setAcceptedHba(secretId, { address, marks: [...inspection.hbaMarks] });
}

/** A password that was written down wrongly would end the adoption in quarantine: it logs in before anything is begun. */
async function proveLiveLogin(engine: EngineOfTarget, claim: Claim, signal: AbortSignal): Promise<void> {
  const { live } = claim.versions;
  const credential = claim.credentials.get(live.version);
  if (credential === undefined) return;
  const outcome = await engine.rotation.verify({ ...live, credential }, signal);
  if (outcome.kind === 'wrong-password') throw new CatalogueError('current-password-wrong', { secretId: claim.secretId });
}

/**
 * Asks for the rotation back; the vault refuses while anything is pending, draining or claimed. That slots are to be left
 * is written down first, so that a lost answer leaves none behind: they go only once the vault says `not adopted`.
 */
export async function unAdopt(
  deps: PreparationDeps,
  context: VaultContext,
  secretId: string,
  /** Answered where the way back is over and only its slots are left. */
  lastRotationId: string | null,
  signal: AbortSignal,
): Promise<{ readonly rotationId: string }> {
  if ((await context.link.protocolKnown(signal)) === 'published') throw new CatalogueError('needs-v2-vault', {});
  const { registry } = deps;
  const [wasRunning, wasLeaving] = [registry.find(secretId)?.running === true, registry.isLeavingSlots(secretId)];
  registry.setLeavingSlots(secretId, true);
  registry.setRunning(secretId, true);
  try {
    return await context.client.machine('unadopt', { secretId }, { signal });
  } catch (error) {
    const isOver = error instanceof VaultRefusal && error.code === 'not-adopted' && wasLeaving;
    if (isOver && lastRotationId !== null) return { rotationId: lastRotationId };
    if (isRefused(error) && !isOver) {
      registry.setLeavingSlots(secretId, wasLeaving);
      registry.setRunning(secretId, wasRunning);
    }
    throw error;
  }
}

/** The vault has decided against it; any other failure leaves open whether it acted. */
function isRefused(error: unknown): boolean {
  return error instanceof VaultRefusal && !error.temporary;
}

/**
 * With nothing in flight: drops the slots of a login that was given back. Null when nothing is left to do. Repeatable: slots
 * that are gone already are no failure.
 */
export async function leaveSlots(
  deps: PreparationDeps,
  context: VaultContext,
  secretId: string,
  log: DaemonLog,
  signal: AbortSignal,
): Promise<Unsettled | null> {
  if (!deps.registry.isLeavingSlots(secretId)) return null;
  try {
    const configuration = await context.configuration(secretId, signal);
    if (configuration.adopted) return null;
    const engine = heldEngine(deps, await readTarget(deps, context, configuration, 'flip'));
    const knownServer = await context.journal.knownServer(secretId);
    await underRepairClaim(context, secretId, signal, ({ epoch }) => engine.finishUnAdoption(epoch, knownServer, signal));
    // The login is its owner's again, and may move wherever they like.
    await context.journal.keepServer(secretId, null);
    await context.journal.keepGrantedEpoch(secretId, null);
    deps.registry.setKnownAddress(secretId, null);
    deps.registry.setAcceptedHba(secretId, null);
    deps.registry.setLeavingSlots(secretId, false);
    deps.registry.setGivenUp(secretId, null);
    log.info('login-slots-dropped', { secretId });
    return null;
  } catch (error) {
    signal.throwIfAborted();
    const failure = shownFailure(error, (unexpected) => log.unexpected('agent-failed', unexpected));
    log.warn('login-slots-kept', { secretId, errorCode: failure.code, retryInMs: slotsInUseRetryMs });
    return { failure, retryInMs: slotsInUseRetryMs };
  }
}

async function underRepairClaim(
  context: VaultContext,
  secretId: string,
  signal: AbortSignal,
  work: (claim: Claim) => Promise<void>,
): Promise<void> {
  const claim = grantedClaim(await context.port.claim(secretId, 'repair', signal), secretId);
  const { epoch, phase } = claim;
  try {
    if (phase !== 'steady') throw new CatalogueError('agent-busy', { secretId });
    await tellingEpochAhead(context.port, claim, signal, () => work(claim));
  } finally {
    await translated(signal, () => context.port.release(secretId, epoch, signal));
  }
}
