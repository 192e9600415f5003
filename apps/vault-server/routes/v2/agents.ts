/** What the agents of a daemon need: where the database is, and what is to be done (/v2). */
import { done } from '../../request-check/refusal.ts';
import type { MachineHandlers } from './machine-handlers.ts';

export const agentHandlers: MachineHandlers<'agentConfiguration' | 'heartbeat' | 'pollAgents'> = {
  agentConfiguration: async (vault, caller, { secretId }) => {
    const found = done(await vault.storage.agentConfiguration({ caller, secretId }), 'secret');
    const { name, provider, strategy, owner, adopted, host, port, database, tls, adminUser, liveVersion, nextRotationAt } = found;
    const adminPassword = vault.keyring.openAdministrator(found)?.reveal() ?? null;
    return {
      secretId,
      name,
      provider,
      strategy,
      owner,
      adopted,
      host,
      port,
      database,
      tls,
      adminUser,
      adminPassword,
      liveVersion,
      nextRotationAt,
    };
  },
  heartbeat: async (vault, caller, { daemonId, agents }) => {
    const work = done(await vault.storage.heartbeat({ caller, daemonId, agents }), 'machine');
    return { serverTime: vault.clock.now(), work };
  },
  pollAgents: async (vault, caller, { secrets }) => {
    const work = done(await vault.storage.pollAgents({ caller, secretIds: secrets }), 'machine');
    return { serverTime: vault.clock.now(), work };
  },
};
