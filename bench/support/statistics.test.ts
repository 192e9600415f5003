import { expect, test } from 'vitest';
import { atLeast, atMost, beside, exactly, formatJson, formatTable, promised } from './measurement.ts';
import { percentile } from './spread.ts';

test.each([
  [0.5, 5],
  [0.95, 10],
  [0, 1],
  [1, 10],
])('takes the percentile %s of one to ten by nearest rank', (fraction, expected) => {
  expect(percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], fraction)).toBe(expected);
});

test('has a percentile of nothing', () => {
  expect(percentile([], 0.5)).toBe(0);
});

test('holds a promise up to its limit and not beyond', () => {
  expect(promised('a', 2, 's', atMost(2, 's')).holds).toBe(true);
  expect(promised('a', 2.01, 's', atMost(2, 's')).holds).toBe(false);
  expect(promised('a', 60, '%', atLeast(60, '%')).holds).toBe(true);
  expect(promised('a', 1, '', exactly(0)).holds).toBe(false);
});

test('shows what was promised and what stands beside it in one table', () => {
  const table = formatTable([promised('ours', 1.2345, 's', atMost(2, 's'), 'n 3'), beside('theirs', 9, 's')]);

  expect(table.split('\n')).toEqual(['        measured  target           spread', 'ours    1.23 s    ≤ 2 s   ✓ holds  n 3', 'theirs  9 s']);
});

test('ends in JSON that names the bench, its rows and the machine, and no host', () => {
  const parsed = JSON.parse(formatJson('x', [beside('theirs', 9, 's')], 0.5));

  expect(parsed.rows).toEqual([{ name: 'theirs', value: 9, unit: 's', target: null, holds: null }]);
  expect(Object.keys(parsed.machine)).toEqual(['cores', 'node', 'kernel', 'processor', 'loadBefore']);
});
