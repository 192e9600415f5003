/** The life of a rotation as a daemon drives it: claim, renew, confirm or reject, drain, retired (/v2). */
import { done } from '../../request-check/refusal.ts';
import type { ClaimedWork } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { sealGenerated } from '../seal-version.ts';
import { passwordOf } from '../secret-value.ts';
import type { MachineHandlers } from './machine-handlers.ts';

type RotationRoutes =
  | 'claim'
  | 'renew'
  | 'confirm'
  | 'reject'
  | 'drain'
  | 'retired'
  | 'release'
  | 'rotationState'
  | 'adopt'
  | 'unadopt'
  | 'requestRotation';

export const rotationHandlers: MachineHandlers<RotationRoutes> = {
  claim: async (vault, caller, { secretId, daemonId, purpose }) => {
    const result = done(await vault.storage.claim({ caller, secretId, daemonId, purpose }), 'secret');
    return result.outcome === 'claimed' ? { outcome: 'claimed', rotation: openClaim(vault, result.work) } : result;
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
  requestRotation: async (vault, caller, { secretId }) =>
    done(await vault.storage.requestRotation({ caller, secretId, seal: sealGenerated(vault) }), 'secret'),
};

function openClaim(vault: VaultParts, work: ClaimedWork) {
  const credentials = work.credentials.map((one) => ({
    version: one.version,
    slot: one.slot,
    label: one.label,
    username: one.username,
    password: passwordOf(vault.keyring.openValue(one)),
  }));
  return { ...work, credentials };
}
