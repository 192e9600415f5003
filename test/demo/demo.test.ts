import { expect, test } from 'vitest';
import { soon } from '../support/soon.ts';
import { startDemo } from './demo-process.ts';

test('rotates under load, fails no login, says so in its last line, and leaves nothing behind', async () => {
  await using demo = await startDemo(['--minutes', '0.25', '--every', '1', '--json']);

  const { code, lines, complaints } = await demo.ended;
  const result = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;

  expect(complaints).toBe('');
  expect(code).toBe(0);
  expect(result).toMatchObject({ loginsFailed: 0, poolFailed: 0, failures: {} });
  expect(result['rotations']).toBeGreaterThanOrEqual(2);
  expect(result['loginsTried']).toBeGreaterThan(50);
  expect(result['rotateToPromotedMs']).toEqual({ p50: expect.any(Number), p95: expect.any(Number) });
  expect(result['firstRotationMs']).toBeGreaterThan(0);
  expect(lines.some((line) => /rotation 2 promoted: version 3 is live/.test(line))).toBe(true);
  expect(await demo.leftovers()).toEqual([]);
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('prints the report and leaves nothing behind after %s', async (signal) => {
  await using demo = await startDemo(['--minutes', '5', '--every', '1']);
  await demo.untilLine('rotation 1 promoted');

  demo.signal(signal);
  const { code, lines } = await demo.ended;

  expect(lines.some((line) => /failed logins +0/.test(line))).toBe(true);
  expect(code).toBe(0);
  expect(await demo.leftovers()).toEqual([]);
});

test('leaves nothing behind when it is interrupted in the middle of the set-up', async () => {
  await using demo = await startDemo(['--minutes', '5']);
  await demo.untilLine('PostgreSQL');

  demo.signal('SIGTERM');
  const { code } = await demo.ended;

  expect(code).toBe(1);
  expect(await demo.leftovers()).toEqual([]);
});

test('leaves nothing behind even when it is killed', async () => {
  await using demo = await startDemo(['--minutes', '5', '--every', '1']);
  await demo.untilLine('rotation 1 promoted');

  demo.signal('SIGKILL');
  await demo.ended;

  await soon(async () => expect(await demo.leftovers()).toEqual([]));
});

test.each([
  { name: 'an unknown flag', args: ['--fast'] },
  { name: 'no time at all', args: ['--minutes', '0'] },
  { name: 'a word', args: ['now'] },
  { name: 'text for a number', args: ['--every', 'often'] },
  { name: 'a flag without its value', args: ['--minutes'] },
])('refuses $name with the usage and starts nothing', async ({ args }) => {
  await using demo = await startDemo(args);

  const { code, lines, complaints } = await demo.ended;

  expect(code).toBe(2);
  expect(lines).toEqual(['']);
  expect(complaints).toMatch(/^error: .+\n\nUsage: npm run demo/);
});
