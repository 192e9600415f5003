/** The form of one method's handler; the table of all of them is checked against the schema by its type. */
import type { LocalMethod, LocalResult, localMethods } from '@sikkerkey/protocol/local/methods.ts';
import type * as z from 'zod';

/** Methods that belong to the connection itself. */
export type ConnectionMethod = 'hello' | 'state.subscribe' | 'state.unsubscribe';
export type ServiceMethod = Exclude<LocalMethod, ConnectionMethod>;

export type CheckedParams<M extends LocalMethod> = z.output<(typeof localMethods)[M]['params']>;

/**
 * Answers one call. The signal fires when the caller cancels, disconnects or the deadline passes; for a method that
 * survives its caller, only when the daemon stops. Throws CatalogueError and the other failures that local-error.ts names.
 */
export type Handler<M extends ServiceMethod> = (params: CheckedParams<M>, signal: AbortSignal) => Promise<LocalResult<M>>;

export type Handlers = { readonly [M in ServiceMethod]: Handler<M> };
