import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandLines, hintLines, leadLines, wrapWords } from './fitted-lines.ts';
import { textWidth } from './text-width.ts';

const command = 'sikkerkey agent configure sk_1 --provider postgresql --host 127.0.0.1 --port 41243 --admin-user keeper';

describe('lines that fit', () => {
  test('break between words and hang behind what they begin with', () => {
    expect(leadLines('  still works:   ', 'the live credential stays as it is', 36)).toEqual([
      '  still works:   the live credential',
      '                 stays as it is',
    ]);
  });

  test('stay as they are where lines may be of any length', () => {
    expect(wrapWords(command, null)).toEqual([command]);
    expect(commandLines('next: ', command, null, '(for you)')).toEqual([`next: ${command}   (for you)`]);
  });

  test('leave a word whole that is longer than the terminal, so that a key can be copied', () => {
    const key = 'SKU1-H48XRD3-CSNHEJ8-TEM94R7-XSFRB38-62YAGBT-YFZBYNC-CEXR75B-J60GYWT';

    expect(wrapWords(`unseal key: ${key}`, 40, 4)).toEqual(['unseal key:', `    ${key}`]);
  });

  test('hold every word once and in order, and are no wider than they may be', () => {
    fc.assert(
      fc.property(fc.lorem({ maxCount: 60 }), fc.integer({ min: 20, max: 120 }), fc.integer({ min: 0, max: 30 }), (text, cells, hang) => {
        const lines = wrapWords(text, cells, hang);

        expect(lines.flatMap((line) => line.trim().split(/\s+/))).toEqual(text.split(' '));
        for (const line of lines) expect(textWidth(line) <= cells || !line.trim().includes(' ')).toBe(true);
      }),
    );
  });
});

describe('a command to paste', () => {
  test('goes on behind a backslash, with each option beside its value', () => {
    expect(commandLines('  next step:     ', command, 60, '(for an administrator)')).toEqual([
      '  next step: (for an administrator)',
      '    sikkerkey agent configure sk_1 --provider postgresql \\',
      '      --host 127.0.0.1 --port 41243 --admin-user keeper',
    ]);
  });

  test('is the same command for a shell at any width', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 140 }), (cells) => {
        const pasted = commandLines('  ', command, cells).join('\n').replaceAll('\\\n', ' ');

        expect(pasted.trim().split(/\s+/).join(' ')).toBe(command);
      }),
    );
  });

  test('stands below its hint, without the mark of a hint, where they do not fit on one line', () => {
    expect(hintLines('next', 'sikkerkey status', 80)).toEqual(['# next: sikkerkey status']);
    expect(hintLines('then, on that machine', command, 70)).toEqual([
      '# then, on that machine:',
      '  sikkerkey agent configure sk_1 --provider postgresql \\',
      '    --host 127.0.0.1 --port 41243 --admin-user keeper',
    ]);
    expect(hintLines('one two three four', null, 12)).toEqual(['# one two', '# three four']);
  });
});
