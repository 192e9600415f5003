import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchesOf } from './batches.ts';

describe('batches', () => {
  test('keep every item in its order and stay below the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40, unit: 'grapheme' })), fc.integer({ min: 300, max: 900 }), (items, maxBytes) => {
        const batches = batchesOf(items, maxBytes);

        expect(batches.flat()).toEqual(items);
        for (const batch of batches) expect(Buffer.byteLength(JSON.stringify(batch))).toBeLessThanOrEqual(Math.max(maxBytes + 2, 400));
      }),
    );
  });

  test('of a thousand agents are few, and of none is one', () => {
    const agent = { secretId: 'sk_0123456789abcdef', state: 'IDLE', rotationId: null, version: 12, errorCode: null };

    expect(batchesOf(Array.from({ length: 1_000 }, () => agent)).length).toBe(2);
    expect(batchesOf([])).toEqual([[]]);
  });
});
