/** Bodies that published clients send (wire-runtime §2). Keys beyond these are let through, as the published vault does. */
import { identifier } from '@sikkerkey/protocol/vault/shapes.ts';
import * as z from 'zod';

export const listBody = z.object({ projectId: identifier });
export const exportBody = z.object({ projectId: identifier.nullish(), applicationId: z.null().optional() });
export const pollBody = z.object({ watch: z.array(z.string().max(128)).max(1_000) });
/** `error` is free text that may hold fragments of passwords; it is read past and never kept (wire-runtime §8.13). */
export const heartbeatBody = z.object({ status: z.string().max(64), error: z.string().nullish() });
export const confirmBody = z.object({ rotationId: identifier });
export const rejectBody = z.object({ rotationId: identifier, error: z.string().nullish() });
