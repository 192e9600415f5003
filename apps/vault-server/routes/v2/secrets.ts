/** Machines read secrets and say what they no longer use (/v2). */
import { done } from '../../request-check/refusal.ts';
import type { MachineHandlers } from './machine-handlers.ts';

type SecretRoutes = 'readSecret' | 'listSecrets' | 'acknowledge' | 'endInstance' | 'pollVersions';

export const secretHandlers: MachineHandlers<SecretRoutes> = {
  readSecret: async (vault, caller, { secretId, instance, pool, commandLine }) => {
    const served = done(await vault.storage.readLiveSecret({ caller, secretId, instance, pool, commandLine }), 'secret');
    const { name, version, fieldNames } = served;
    return { secretId, name, version, value: vault.keyring.openValue(served).reveal(), fieldNames };
  },
  listSecrets: async (vault, caller) => {
    const listed = done(await vault.storage.listForMachine({ caller, projectId: null }), 'secret');
    return {
      secrets: listed.map(({ secretId, projectId, name, kind, version, mayRead, mayRotate }) => ({
        secretId,
        projectId,
        name,
        kind,
        version,
        mayRead,
        mayRotate,
      })),
    };
  },
  acknowledge: async (vault, caller, { secretId, instance, pool, version }) => {
    done(await vault.storage.acknowledge({ caller, secretId, instance, pool, version }), 'secret');
    return {};
  },
  endInstance: async (vault, caller, { instance }) => {
    done(await vault.storage.endInstance({ caller, instance }), 'machine');
    return {};
  },
  pollVersions: async (vault, caller, { secrets }) => ({
    versions: [...done(await vault.storage.pollVersions({ caller, secretIds: secrets }), 'secret')],
  }),
};
