/**
 * The words between `sikkerkey-vault unseal|seal|status` and the serving process: one JSON line each way over a Unix
 * socket (0600) in the data directory. Whoever may open that socket may already read the data directory.
 *
 * After an update the serving process is of the version before until it is started again. So answers are read whatever
 * they hold besides, and what was added to them may be missing; a request that is not known is refused.
 */
import { platform } from 'node:os';
import { join } from 'node:path';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import * as z from 'zod';

export const controlRequest = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('unseal'), unsealKey: z.string().min(1).max(512) }),
  z.strictObject({ act: z.literal('seal') }),
  z.strictObject({ act: z.literal('status') }),
]);
export type ControlRequest = z.infer<typeof controlRequest>;

export const controlStatus = z.object({
  vaultId: z.string(),
  version: z.string(),
  sealed: z.boolean(),
  apiUrl: z.string(),
  processId: z.int(),
  /** Until when every request is refused, since the clock went back (`vault-clock-went-back`); null where they are not, or the process does not say. */
  refusingUntil: z.string().nullable().default(null),
  /** The next time in which they will be, since a clock ahead of its time told it before; null where none is known. */
  willRefuse: z.object({ from: z.string(), until: z.string() }).nullable().default(null),
});
export type ControlStatus = z.infer<typeof controlStatus>;

const refused = z.discriminatedUnion('code', [
  z.object({
    outcome: z.literal('refused'),
    code: z.enum(['unseal-key-wrong', 'unseal-key-malformed', 'request-malformed', 'vault-disk-full']),
  }),
  z.object({ outcome: z.literal('refused'), code: z.literal('vault-store-failed'), storeCode: z.string() }),
  /** Unexpected; the log of the serving process has it under this reference. */
  z.object({ outcome: z.literal('refused'), code: z.literal('vault-failed'), reference: z.string() }),
]);

export const controlAnswer = z.discriminatedUnion('outcome', [z.object({ outcome: z.literal('done'), status: controlStatus }), refused]);
export type ControlAnswer = z.infer<typeof controlAnswer>;

/** Bytes of one line, checked while reading. */
export const maxControlLineBytes = 4_096;

/** Bytes of a socket's path before its closing zero (`sun_path`: 108 on Linux, 104 on macOS). Some systems cut a longer one and go on elsewhere. */
export const maxSocketPathBytes = platform() === 'linux' ? 107 : 103;

/** Throws `vault-path-too-long`. */
export function controlSocketPath(dataDirectory: string): string {
  const path = join(dataDirectory, 'control.sock');
  const length = Buffer.byteLength(path);
  if (length > maxSocketPathBytes) throw new CatalogueError('vault-path-too-long', { length, limit: maxSocketPathBytes });
  return path;
}
