/**
 * The words between `sikkerkey-vault unseal|seal|status` and the serving process: one JSON line each way over a Unix
 * socket (0600) in the data directory. Whoever may open that socket may already read the data directory.
 */
import { join } from 'node:path';
import * as z from 'zod';

export const controlRequest = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('unseal'), unsealKey: z.string().min(1).max(512) }),
  z.strictObject({ act: z.literal('seal') }),
  z.strictObject({ act: z.literal('status') }),
]);
export type ControlRequest = z.infer<typeof controlRequest>;

export const controlStatus = z.strictObject({
  vaultId: z.string(),
  version: z.string(),
  sealed: z.boolean(),
  apiUrl: z.string(),
  processId: z.int(),
});
export type ControlStatus = z.infer<typeof controlStatus>;

export const controlAnswer = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('done'), status: controlStatus }),
  z.strictObject({ outcome: z.literal('refused'), code: z.enum(['unseal-key-wrong', 'unseal-key-malformed', 'request-malformed']) }),
]);
export type ControlAnswer = z.infer<typeof controlAnswer>;

/** Bytes of one line, checked while reading. */
export const maxControlLineBytes = 4_096;

export const controlSocketPath = (dataDirectory: string): string => join(dataDirectory, 'control.sock');
