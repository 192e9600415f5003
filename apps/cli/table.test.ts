import { textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Column, factLines, tableLines } from './table.ts';

const rotation = 'rot_9mk5edxm2pqcaqx3';
const at = '2026-11-21 12:39:20Z';
const header: readonly Column[] = ['ROTATION', 'STATE', 'REQUESTED', 'PROMOTED', { title: 'HELD BY', wraps: true }, 'ERROR'];
const holders = 'applications not yet using the vault, 3 command-line reads on build-7, api-1/main, api-2/main';

describe('tables', () => {
  test('line up with wide letters and cannot be steered by their cells', () => {
    const rows = [
      ['帳簿', '1'],
      ['a\u001b[2Jb', '2'],
    ];

    expect(tableLines(['NAME', 'X'], rows, null)).toEqual(['NAME  X', '帳簿  1', 'ab    2']);
  });

  test('are one line for each row in a pipe, however long', () => {
    expect(tableLines(header, [[rotation, 'promoted', at, at, holders, '-']], null)).toHaveLength(2);
  });

  test('wrap words inside their column where the terminal is narrow', () => {
    const rows = [['sk_1', holders, '-']];

    expect(tableLines(['SECRET', { title: 'HELD BY', wraps: true }, 'ERROR'], rows, 50)).toEqual([
      'SECRET  HELD BY                              ERROR',
      'sk_1    applications not yet using the       -',
      '        vault, 3 command-line reads on',
      '        build-7, api-1/main, api-2/main',
    ]);
  });

  test('put the columns that do not fit below, indented', () => {
    expect(tableLines(['MACHINE', 'SEEN', 'FINGERPRINT'], [['m_1', at, 'K7QD-93MX-F2PA']], 30)).toEqual([
      'MACHINE  SEEN',
      '  FINGERPRINT',
      `m_1      ${at}`,
      '  K7QD-93MX-F2PA',
    ]);
  });

  test('fit every width, and never break or cut a value', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 200 }),
        fc.array(fc.lorem({ maxCount: 12 }), { minLength: 1, maxLength: 4 }),
        (cells, texts) => {
          const rows = texts.map((text, index) => [`${rotation}${index}`, 'promoted', at, at, text, 'quarantined-version']);
          const lines = tableLines(header, rows, cells);

          expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(cells);
          for (const [id = '', , , , text = ''] of rows) {
            expect(lines.join('\n')).toContain(id);
            for (const word of text.split(' ')) expect(lines.join(' ')).toContain(word);
          }
        },
      ),
    );
  });
});

test('facts go on behind their name', () => {
  const facts = [
    ['a', 'x\ny'],
    ['long', 'one two three four'],
  ] as const;

  expect(factLines(facts, null)).toEqual(['a:     x y', 'long:  one two three four']);
  expect(factLines(facts, 16)).toEqual(['a:     x y', 'long:  one two', '       three', '       four']);
});
