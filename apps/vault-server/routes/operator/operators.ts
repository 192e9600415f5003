/** Operators: one another. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { done } from '../../request-check/refusal.ts';
import { isPublicKey } from '../../request-check/verify-signature.ts';
import type { OperatorHandlers } from './operator-handlers.ts';

export const identityHandlers: OperatorHandlers<'createOperator' | 'listOperators' | 'disableOperator'> = {
  createOperator: async (vault, caller, { name, publicKey }) => {
    if (!isPublicKey(publicKey)) throw new CatalogueError('request-field-invalid', { field: 'publicKey' });
    return done(await vault.storage.createOperator({ caller, name, publicKey: Buffer.from(publicKey, 'base64') }), 'operator');
  },
  listOperators: async (vault, caller) => ({ operators: done(await vault.storage.listOperators({ caller }), 'operator') }),
  disableOperator: async (vault, caller, { operatorId }) => done(await vault.storage.disableOperator({ caller, operatorId }), 'operator'),
};
