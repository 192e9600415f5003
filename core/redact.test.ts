import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactedMark, redactKnownValues } from './redact.ts';
import { SecretText } from './secret-text.ts';

const printable = fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme' }).filter((text) => !redactedMark.includes(text));

describe('redaction', () => {
  it('leaves no trace of a value, however the text writes it', () => {
    fc.assert(
      fc.property(printable, fc.string(), fc.string(), (value, before, after) => {
        const written = [
          value,
          JSON.stringify({ value }),
          encodeURIComponent(value.toWellFormed()),
          `'${value.replaceAll("'", "''")}'`,
          Buffer.from(value).toString('base64'),
          Buffer.from(value).toString('hex'),
        ];
        for (const text of written) {
          const clean = redactKnownValues(`${before}${text}${after}`, [new SecretText(value)]);
          expect(clean).toContain(redactedMark);
        }
      }),
    );
  });

  it('takes the longer of two values that share a beginning', () => {
    const secrets = [new SecretText('hunter22'), new SecretText('hunter22-and-more')];

    expect(redactKnownValues('denied for hunter22-and-more', secrets)).toBe('denied for [redacted]');
  });

  it('replaces every occurrence and takes no character of a value for a pattern', () => {
    const secret = new SecretText('a.*$&+(b');

    expect(redactKnownValues('a.*$&+(b or a.*$&+(b, not axxb', [secret])).toBe('[redacted] or [redacted], not axxb');
  });

  it('leaves ordinary words alone where a value is too short to be a secret', () => {
    expect(redactKnownValues('no such role', [new SecretText('no'), new SecretText('')])).toBe('no such role');
  });
});
