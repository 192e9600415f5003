/** The operating system's randomness. */
import { randomBytes } from 'node:crypto';
import type { Random } from '@sikkerkey/core/random.ts';

export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction: () => randomBytes(4).readUInt32BE() / 0x1_0000_0000,
};
