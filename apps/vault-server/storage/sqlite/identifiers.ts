/** New ids, each with enough randomness never to meet again. Lower case, so that canonical form and id are one. */
import type { Random } from '@sikkerkey/core/random.ts';

const letters = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `prefix` and 16 characters of 36: 82 bits. Formats: wire-runtime Appendix A. */
export function newIdentifier(random: Random, prefix: 'sk_' | 'proj_' | 'rot_' | 'op_' | 'node_' | 'stream_'): string {
  let text = '';
  while (text.length < 16) {
    for (const byte of random.bytes(24)) {
      if (byte < 252 && text.length < 16) text += letters[byte % 36];
    }
  }
  return prefix + text;
}

/** Machines are named by a UUID (RFC 9562, version 4). */
export function newMachineId(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
