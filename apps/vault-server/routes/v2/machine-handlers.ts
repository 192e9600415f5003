/** The form of a /v2 handler for machines, and the table of all of them. */
import type { MachineAnswer, MachineBody, MachineRoute } from '@sikkerkey/protocol/vault/machine.ts';
import type { MachineCaller } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';

/** Events are streamed, so they have a route of their own. */
export type AnsweredRoute = Exclude<MachineRoute, 'events'>;

/** One handler: what a proven machine asks for, and the answer of the protocol. Throws CatalogueErrors. */
export type MachineHandler<R extends AnsweredRoute> = (
  vault: VaultParts,
  caller: MachineCaller,
  body: MachineBody<R>,
) => Promise<MachineAnswer<R>>;

export type MachineHandlers<R extends AnsweredRoute = AnsweredRoute> = { readonly [Name in R]: MachineHandler<Name> };
