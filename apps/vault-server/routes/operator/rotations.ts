/** Operators ask for rotations, look at them, and take the emergency exit. */
import { done } from '../../request-check/refusal.ts';
import { sealGenerated } from '../seal-version.ts';
import type { OperatorHandlers } from './operator-handlers.ts';

const rotationsPage = 50;

export const rotationHandlers: OperatorHandlers<'rotate' | 'retireNow' | 'listRotations'> = {
  rotate: async (vault, caller, { secretId }) =>
    done(await vault.storage.requestRotation({ caller, secretId, seal: sealGenerated(vault) }), 'secret'),
  retireNow: async (vault, caller, { secretId }) => done(await vault.storage.retireNow({ caller, secretId }), 'secret'),
  listRotations: async (vault, caller, { secretId, limit = rotationsPage }) => ({
    rotations: done(await vault.storage.listRotations({ caller, secretId, limit }), 'secret'),
  }),
};
