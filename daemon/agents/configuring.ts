/** A person tells this host where a secret's database is. What is under way goes on there, if that is known to be the server. */
import { EngineFailure, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { CheckedParams } from '../local-api/handler.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { VaultContext, Vaults } from '../vault-link/vaults.ts';
import type { Agent } from './agent.ts';
import { withConfiguration } from './agent-facts.ts';
import type { Agents } from './agents.ts';
import { readCertificateFile } from './certificate-file.ts';
import type { DatabaseTarget } from './database-target.ts';
import { isKnownAddress, keepKnownAddress, knownPlaceOf } from './known-address.ts';
import { type PreparationDeps, readTarget } from './preparation.ts';
import type { RegisteredAgent } from './registry.ts';

export interface ConfiguringDeps extends PreparationDeps {
  readonly agents: Agents;
  readonly vaults: Vaults;
  readonly log: DaemonLog;
}

/** Throws CatalogueError, or VaultDenied where the vault refuses the secret. */
export async function configureAgent(deps: ConfiguringDeps, params: CheckedParams<'agent.configure'>, signal: AbortSignal): Promise<Agent> {
  const { registry, vaults, agents, log } = deps;
  const { secretId } = params;
  const known = registry.find(secretId);
  const context = vaults.choose(params.vaultId ?? known?.vaultId);
  if (params.provider !== 'postgresql') throw new CatalogueError('provider-unsupported', { provider: params.provider });
  const ca = params.caFile === undefined ? null : await readCertificateFile(params.caFile);
  const configuration = await configurationIfReachable(context, secretId, signal);
  const adminPassword = new SecretText(params.adminPassword);
  rememberFormerAddress(deps, known, agents.find(secretId)?.fact.adopted === true);
  const { host, port, database, adminUser, tls } = params;
  const place = { host, port, database, adminUser, adminPassword, tls, ca };
  const isProven = !isKnownAddress(deps, params) && (await isOneServer(deps, context, configuration, place, signal));
  // The identity may have been replaced while the vault was asked, or be about to: what it seals is never resealed late.
  const agent = await agents.inTurn(context.vaultId, () => {
    // Asked anew: it may have been started or stopped while the addresses were looked at.
    const registered = registeredAt(params, ca, context.vaultId, registry.find(secretId)?.running ?? false);
    registry.put(registered, adminPassword, vaults.choose(context.vaultId).sealer);
    if (isProven) keepKnownAddress(deps, secretId, place);
    return agents.put(registered);
  });
  if (configuration !== null) agent.change(withConfiguration(agent.fact, configuration));
  // What is under way knocks at the address of before; its row goes on at the new one.
  if (agent.isRunning) await agent.goOnAnew();
  log.info('agent-configured', { secretId, vaultId: context.vaultId });
  return agent;
}

/** Null while the vault gives no answer; its refusal is passed on, since a wrong id should be noticed now. */
export async function configurationIfReachable(
  context: VaultContext,
  secretId: string,
  signal: AbortSignal,
): Promise<AgentConfiguration | null> {
  try {
    return await context.configuration(secretId, signal);
  } catch (error) {
    if (error instanceof VaultUnreachable) return null;
    throw error;
  }
}

/** A person's word: from now on work is done at the address that is configured. Throws CatalogueError. */
export async function acceptAddress(deps: PreparationDeps, context: VaultContext, configuration: AgentConfiguration): Promise<void> {
  const { secretId } = configuration;
  keepKnownAddress(deps, secretId, await readTarget(deps, context, configuration));
}

/** An older daemon kept no address: the one that is being left is where its work was done. */
function rememberFormerAddress(deps: PreparationDeps, known: RegisteredAgent | null, isAdopted: boolean): void {
  if (known === null || known.connection === null || !isAdopted || knownPlaceOf(deps, known.secretId) !== null) return;
  keepKnownAddress(deps, known.secretId, known.connection);
}

type NewPlace = Pick<DatabaseTarget, 'host' | 'port' | 'database' | 'adminUser' | 'adminPassword' | 'tls' | 'ca'>;

/**
 * Whether the known place and the new one both answer and are one server. Changes nothing. Where another place was configured
 * in between, the known one is asked as the administrator of the new one: no other password is kept.
 */
async function isOneServer(
  deps: PreparationDeps,
  context: VaultContext,
  configuration: AgentConfiguration | null,
  place: NewPlace,
  signal: AbortSignal,
): Promise<boolean> {
  if (configuration === null) return false;
  try {
    const former = await readTarget(deps, context, configuration);
    const known = isKnownAddress(deps, former) ? former : { ...former, ...place, ...knownPlaceOf(deps, former.secretId) };
    return await deps.engines(known).isServerOf({ ...former, ...place }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineFailure || error instanceof CatalogueError) return false;
    throw error;
  }
}

function registeredAt(params: CheckedParams<'agent.configure'>, ca: string | null, vaultId: string, running: boolean): RegisteredAgent {
  const { secretId, provider, host, port, database, adminUser, tls } = params;
  return {
    secretId,
    vaultId,
    running,
    connection: {
      provider,
      host,
      port,
      database,
      adminUser,
      tls,
      ca,
      usernameField: params.usernameField ?? null,
      passwordField: params.passwordField ?? null,
      pollIntervalSeconds: params.pollIntervalSeconds ?? null,
      probeQuery: params.probeQuery ?? null,
    },
  };
}
