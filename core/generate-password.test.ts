import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generatePassword, type PasswordCharset } from './generate-password.ts';
import type { Random } from './random.ts';

/** Looks random and repeats itself in each run. */
function seeded(seed: number): Random {
  let counter = 0;
  const block = (): Uint8Array => createHash('sha512').update(`${seed}:${counter++}`).digest();
  return {
    bytes: (length) => {
      const parts: Uint8Array[] = [];
      for (let have = 0; have < length; have += 64) parts.push(block());
      return new Uint8Array(Buffer.concat(parts).subarray(0, length));
    },
    fraction: () => 0,
  };
}

const forms: Readonly<Record<PasswordCharset, RegExp>> = {
  symbols: /^[\x21-\x7e]+$/,
  alphanumeric: /^[A-Za-z0-9]+$/,
  numbers: /^[0-9]+$/,
  managed: /^[A-Za-z0-9_.~-]+$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
};
const charsets = Object.keys(forms) as PasswordCharset[];

describe('a generated password', () => {
  it('has the length and the alphabet that were asked for', () => {
    fc.assert(
      fc.property(fc.constantFrom(...charsets), fc.integer({ min: 20, max: 1_024 }), fc.integer(), (charset, length, seed) => {
        const value = generatePassword({ charset, length }, seeded(seed)).reveal();

        expect(value).toMatch(forms[charset]);
        expect(value).toHaveLength(charset === 'uuid' ? 36 : length);
      }),
    );
  });

  it('has 32 characters when no length was given', () => {
    expect(generatePassword({ charset: 'alphanumeric' }, seeded(1)).reveal()).toHaveLength(32);
  });

  it.each(['symbols', 'alphanumeric', 'numbers', 'managed'] as const)('favours no character of %s', (charset) => {
    const random = seeded(7);
    const text = Array.from({ length: 100 }, () => generatePassword({ charset, length: 1_024 }, random).reveal()).join('');
    const counts = Map.groupBy(text, (character) => character);
    const expected = text.length / counts.size;
    const chiSquared = [...counts.values()].reduce((sum, { length }) => sum + (length - expected) ** 2 / expected, 0);

    // Far above what chance gives (degrees of freedom + 6 standard deviations), far below what a modulo would.
    expect(chiSquared).toBeLessThan(counts.size + 6 * Math.sqrt(2 * counts.size));
  });

  it('throws away the bytes that would favour the first characters', () => {
    const answers = [new Uint8Array([255, 254, 253, 0]), new Uint8Array([1, 2, 3])];
    const random = { bytes: () => answers.shift() ?? new Uint8Array(), fraction: () => 0 };

    expect(generatePassword({ charset: 'numbers', length: 4 }, random).reveal()).toBe('0123');
  });

  it.each([
    { charset: 'alphanumeric' as const, length: 0 },
    { charset: 'alphanumeric' as const, length: 1_025 },
    { charset: 'alphanumeric' as const, length: 1.5 },
    { charset: 'managed' as const, length: 19 },
  ])('of $length characters is refused for $charset', ({ charset, length }) => {
    expect(() => generatePassword({ charset, length }, seeded(1))).toThrow(RangeError);
  });

  it('may have a single character where nobody manages it', () => {
    expect(generatePassword({ charset: 'symbols', length: 1 }, seeded(1)).reveal()).toHaveLength(1);
  });
});
