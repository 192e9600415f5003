/** Reads what an agent needs before it can work: the vault's configuration, the connection, and the engine bound to both. */

import type { Home } from '@sikkerkey/host/home.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { VaultContext } from '../vault-link/vaults.ts';
import type { PreparedAgent } from './agent-deps.ts';
import { addressOf, type DatabaseTarget, readLocalTarget, targetOf } from './database-target.ts';
import type { EngineCatalogue, EngineOfTarget } from './engine-catalogue.ts';
import { epochAheadOf } from './epoch-ahead.ts';
import { heldToKnownAddress, keepKnownAddress } from './known-address.ts';
import type { AgentRegistry } from './registry.ts';

export interface PreparationDeps {
  readonly registry: AgentRegistry;
  readonly engines: EngineCatalogue;
  readonly home: Home;
}

/** `strategy` overrides the one in force, for a plan or an adoption. Throws CatalogueError. */
export async function readTarget(
  deps: PreparationDeps,
  context: VaultContext,
  configuration: AgentConfiguration,
  strategy?: DatabaseTarget['strategy'],
): Promise<DatabaseTarget> {
  const local = await readLocalTarget(deps.registry, context.sealer, deps.home, configuration.secretId);
  const target = targetOf(local, configuration);
  const accepted = deps.registry.acceptedHba(configuration.secretId);
  const acceptedHba = accepted?.address === addressOf(target) ? accepted.marks : [];
  return { ...target, acceptedHba, ...(strategy === undefined ? {} : { strategy }) };
}

/** The engine of a target, which changes nothing at another address than the known one. */
export function heldEngine(deps: PreparationDeps, target: DatabaseTarget): EngineOfTarget {
  return heldToKnownAddress(deps, target, deps.engines(target));
}

export async function prepareAgent(
  deps: PreparationDeps,
  context: VaultContext,
  secretId: string,
  signal: AbortSignal,
  withStanding: boolean,
): Promise<PreparedAgent> {
  const { configuration, standing } = withStanding
    ? await context.look(secretId, signal)
    : { configuration: await context.configuration(secretId, signal), standing: null };
  // Where login slots are to go they are looked at too, whatever the vault says of turns that it takes no more.
  const leaving = !configuration.adopted && deps.registry.isLeavingSlots(secretId);
  const target = await readTarget(deps, context, configuration, leaving ? 'flip' : configuration.strategy);
  // Another host adopted it, or an older daemon: what is configured now is taken for where it is.
  if (configuration.adopted && deps.registry.knownAddress(secretId) === null) keepKnownAddress(deps, secretId, target);
  const engine = heldEngine(deps, target);
  const { port: vault, journal } = context;
  const epochAhead = (asked: AbortSignal): Promise<number | null> => epochAheadOf(vault, journal, engine, secretId, asked);
  return { configuration, engine, drive: { vault, journal }, standing, epochAhead };
}
