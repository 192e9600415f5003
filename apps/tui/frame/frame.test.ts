import { describe, expect, test } from 'vitest';
import { createTheme } from '../theme.ts';
import { type Line, lineWidth } from './cells.ts';
import { footerLine } from './footer-line.ts';
import { groupsLine } from './groups.ts';
import { scrolled } from './scrolled.ts';
import { wrapText } from './wrap.ts';

const theme = createTheme({ ascii: false, noColor: false });
const textOf = (line: Line): string => line.map(({ text }) => text).join('');
const numbered = (count: number): readonly Line[] =>
  Array.from({ length: count }, (_, index) => [{ text: `line ${index}`, tone: 'plain' }]);

describe('a text that is longer than its place', () => {
  test('says how much lies below, then above and below, then that it ends', () => {
    const marks = [0, 2, 99].map((from) => textOf(scrolled(numbered(10), 5, from, 40, theme).lines.at(-1) ?? []));

    expect(marks[0]).toContain('↓ 6 more lines below');
    expect(marks[1]).toContain('↓ 4 more lines below · ↑ 2 above');
    expect(marks[2]).toContain('the end · ↑ 6 above');
  });

  test('shows every line on the way from the first page to the last', () => {
    const { last, page } = scrolled(numbered(23), 6, 0, 40, theme);
    const seen = new Set<string>();
    for (let from = 0; from < last + page; from += page) {
      for (const line of scrolled(numbered(23), 6, Math.min(from, last), 40, theme).lines.slice(0, -1)) seen.add(textOf(line));
    }

    expect(seen.size).toBe(23);
  });

  test('is shown as it is where it fits, without a mark', () => {
    const shown = scrolled(numbered(5), 5, 3, 40, theme);

    expect([shown.lines.length, shown.last, textOf(shown.lines[0] ?? [])]).toEqual([5, 0, 'line 0']);
  });
});

describe('facts beside each other', () => {
  const groups = [
    { rank: 2, cells: [{ text: 'strategy flip', tone: 'plain' as const }] },
    { rank: 1, cells: [{ text: 'tls off', tone: 'warn' as const }] },
    { rank: 3, cells: [{ text: 'next 3d', tone: 'plain' as const }] },
  ];

  test.each([
    [40, ' strategy flip  tls off  next 3d'],
    [30, ' strategy flip  tls off'],
    [20, ' tls off'],
  ])('in %d cells go as a whole, the least important first', (width, text) => {
    const line = groupsLine(groups, width);

    expect(textOf(line).trimEnd()).toBe(text);
    expect(lineWidth(line)).toBe(width);
  });
});

describe('wrapped text', () => {
  test('loses nothing, not even of a word that is longer than the line', () => {
    const lines = wrapText(`a ${'x'.repeat(50)} end`, 20, 2);

    expect(lines.every((line) => line.length <= 20)).toBe(true);
    expect(lines.join('').match(/x/g)).toHaveLength(50);
    expect(lines.join(' ')).toContain('end');
  });
});

describe('the footer', () => {
  const all = { context: 'list', notice: null, isLegal: () => true, theme } as const;

  test.each([60, 40, 20])('at %d cells shows whole hints or none', (width) => {
    const text = textOf(footerLine({ ...all, width })).trimEnd();

    expect(' r rotate…  ↓/j move  ? all keys  q quit'.startsWith(text)).toBe(true);
    expect(text).toMatch(/(rotate…|move|keys|quit)$/);
  });

  test('shows the word on the last act before the keys', () => {
    expect(textOf(footerLine({ ...all, notice: 'done', width: 80 })).trimEnd()).toBe(' done  r rotate…  ↓/j move  ? all keys  q quit');
  });

  test('offers nothing that would do nothing', () => {
    const text = textOf(footerLine({ ...all, context: 'plan', isLegal: (command) => command !== 'confirm-rotation', width: 120 }));

    expect(text).not.toContain('rotate now');
    expect(text).toContain('back, nothing is done');
  });
});
