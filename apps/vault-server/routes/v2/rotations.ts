/** The life of a rotation as a daemon drives it: claim, renew, confirm or reject, drain, retired (/v2). */
import { done } from '../../request-check/refusal.ts';
import type { ClaimedCredential, ClaimedWork } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { sealGenerated } from '../seal-version.ts';
import { passwordOf } from '../secret-value.ts';
import { openConfiguration } from './agents.ts';
import type { MachineHandlers } from './machine-handlers.ts';

type RotationRoutes =
  | 'claim'
  | 'look'
  | 'renew'
  | 'confirm'
  | 'reject'
  | 'drain'
  | 'retired'
  | 'release'
  | 'rotationState'
  | 'adopt'
  | 'unadopt'
  | 'abandon'
  | 'requestRotation';

export const rotationHandlers: MachineHandlers<RotationRoutes> = {
  claim: async (vault, caller, body) => {
    const result = done(await vault.storage.claim({ caller, ...body }), 'secret');
    return result.outcome === 'claimed' ? { outcome: 'claimed', rotation: openClaim(vault, result.work) } : result;
  },
  look: async (vault, caller, { secretId }) => {
    const { configuration, standing } = done(await vault.storage.driftLook({ caller, secretId }), 'secret');
    return {
      configuration: openConfiguration(vault, configuration),
      standing: standing === null ? null : { live: standing.live, credentials: openCredentials(vault, standing.credentials) },
    };
  },
  renew: async (vault, caller, { secretId, epoch }) => done(await vault.storage.renewClaim({ caller, secretId, epoch }), 'secret'),
  // What ends a rotation may offer the one that waited for it: these operations bring the means to make its value.
  confirm: async (vault, caller, body) =>
    done(await vault.storage.confirmRotation({ caller, ...body, seal: sealGenerated(vault) }), 'rotation'),
  reject: async (vault, caller, body) =>
    done(await vault.storage.rejectRotation({ caller, ...body, seal: sealGenerated(vault) }), 'rotation'),
  drain: async (vault, caller, body) => done(await vault.storage.drainOf({ caller, ...body }), 'rotation'),
  retired: async (vault, caller, body) =>
    done(await vault.storage.reportRetired({ caller, ...body, seal: sealGenerated(vault) }), 'rotation'),
  release: async (vault, caller, { secretId, epoch }) => {
    done(await vault.storage.releaseClaim({ caller, secretId, epoch }), 'secret');
    return {};
  },
  rotationState: async (vault, caller, { rotationId }) => done(await vault.storage.describeRotation({ caller, rotationId }), 'rotation'),
  adopt: async (vault, caller, { secretId, strategy, owner }) =>
    done(await vault.storage.adopt({ caller, secretId, strategy, owner, seal: sealGenerated(vault) }), 'secret'),
  unadopt: async (vault, caller, { secretId }) =>
    done(await vault.storage.unadopt({ caller, secretId, seal: sealGenerated(vault) }), 'secret'),
  abandon: async (vault, caller, body) => ({ leftBehind: done(await vault.storage.abandon({ caller, ...body }), 'secret') }),
  requestRotation: async (vault, caller, { secretId }) =>
    done(await vault.storage.requestRotation({ caller, secretId, seal: sealGenerated(vault) }), 'secret'),
};

function openClaim(vault: VaultParts, work: ClaimedWork) {
  return { ...work, credentials: openCredentials(vault, work.credentials) };
}

function openCredentials(vault: VaultParts, credentials: readonly ClaimedCredential[]) {
  return credentials.map((one) => ({
    version: one.version,
    slot: one.slot,
    label: one.label,
    username: one.username,
    password: passwordOf(vault.keyring.openValue(one)),
  }));
}
