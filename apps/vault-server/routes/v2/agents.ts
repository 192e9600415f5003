/** What the agents of a daemon need: where the database is, and what is to be done (/v2). */
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import { done } from '../../request-check/refusal.ts';
import type { ManagedConfiguration } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';
import type { MachineHandlers } from './machine-handlers.ts';

export const agentHandlers: MachineHandlers<'agentConfiguration' | 'heartbeat' | 'pollAgents'> = {
  agentConfiguration: async (vault, caller, { secretId }) =>
    openConfiguration(vault, done(await vault.storage.agentConfiguration({ caller, secretId }), 'secret')),
  heartbeat: async (vault, caller, { daemonId, agents }) => {
    const work = done(await vault.storage.heartbeat({ caller, daemonId, agents }), 'machine');
    return { serverTime: vault.clock.now(), work };
  },
  pollAgents: async (vault, caller, { secrets }) => {
    const work = done(await vault.storage.pollAgents({ caller, secretIds: secrets }), 'machine');
    return { serverTime: vault.clock.now(), work };
  },
};

/** As daemons are told it: with the administrator's password where the vault keeps that, without what is the store's own. */
export function openConfiguration(vault: VaultParts, kept: ManagedConfiguration): AgentConfiguration {
  const { secretId, name, provider, strategy, owner, adopted, host, port, database, tls, adminUser } = kept;
  const { liveVersion, nextRotationAt, adoptionRotationId } = kept;
  const adminPassword = vault.keyring.openAdministrator(kept)?.reveal() ?? null;
  const place = { host, port, database, tls, adminUser, adminPassword };
  return { secretId, name, provider, strategy, owner, adopted, ...place, liveVersion, nextRotationAt, adoptionRotationId };
}
