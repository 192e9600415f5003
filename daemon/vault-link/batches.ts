/** Splits what one daemon says into bodies that the vault accepts (64 KiB); pure. */

/** Leaves room for the rest of the body below the vault's limit. */
const maxBatchBytes = 48 * 1024;

/** In order, each batch as large as it may be; at least one batch, so that a daemon without agents is heard too. */
export function batchesOf<T>(items: readonly T[], maxBytes = maxBatchBytes): readonly (readonly T[])[] {
  const batches: T[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    const current = batches.at(-1);
    if (current === undefined || (bytes + size > maxBytes && current.length > 0)) {
      batches.push([item]);
      bytes = size;
    } else {
      current.push(item);
      bytes += size;
    }
  }
  return batches;
}
