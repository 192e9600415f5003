/** The form of a handler for operators. No answer of theirs ever carries a secret's value. */
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import type { OperatorCaller } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';

/** One handler: what a proven operator asks for, and the answer of the protocol. Throws CatalogueErrors. */
export type OperatorHandler<R extends OperatorRoute> = (
  vault: VaultParts,
  caller: OperatorCaller,
  body: OperatorBody<R>,
) => Promise<OperatorAnswer<R>>;

export type OperatorHandlers<R extends OperatorRoute = OperatorRoute> = { readonly [Name in R]: OperatorHandler<Name> };
