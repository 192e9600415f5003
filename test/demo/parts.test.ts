import { parseCommandLine } from '@sikkerkey/demo/command-line.ts';
import { Latencies, percentileOf } from '@sikkerkey/demo/latencies.ts';
import { reportLines, resultOf } from '@sikkerkey/demo/report.ts';
import { type RotationChange, Rotations } from '@sikkerkey/demo/rotations.ts';
import { cut, plain, widthOf } from '@sikkerkey/demo/screen/style.ts';
import { count, duration, minutesAndSeconds, sparkline } from '@sikkerkey/demo/screen/wording.ts';
import { expect, test } from 'vitest';

test('runs for two minutes and rotates every five seconds unless told otherwise', () => {
  expect(parseCommandLine([])).toEqual({ kind: 'run', options: { minutes: 2, everySeconds: 5, json: false } });
  expect(parseCommandLine(['--minutes', '0.5', '--every', '2', '--json'])).toEqual({
    kind: 'run',
    options: { minutes: 0.5, everySeconds: 2, json: true },
  });
  expect(parseCommandLine(['--help'])).toEqual({ kind: 'help' });
});

test('finds percentiles as a sorted list would', () => {
  const latencies = new Latencies();
  const values = Array.from({ length: 1000 }, (_, index) => ((index * 7919) % 1000) / 10);
  for (const value of values) latencies.add(value);

  expect(latencies.percentile(0.5)).toBeCloseTo(percentileOf(values, 0.5) ?? -1);
  expect(latencies.percentile(0.95)).toBeCloseTo(percentileOf(values, 0.95) ?? -1);
  expect(new Latencies().percentile(0.5)).toBeNull();
});

const fact = {
  secretId: 'sk_1',
  vaultId: 'vault_1',
  name: 'n',
  provider: 'postgresql',
  serverVersion: null,
  host: null,
  port: null,
  database: null,
  tls: null,
  strategy: null,
  adopted: true,
  source: 'vault',
  running: true,
  state: 'APPLYING',
  since: 1000,
  step: null,
  rotationId: null,
  version: 1,
  attempt: 1,
  errorCode: null,
  errorDetails: {},
  holdOuts: [],
  drainDeadlineAt: null,
  nextRotationAt: null,
  beats: [],
  lastRotation: null,
};

function makeRotations(): { rotations: Rotations; changes: string[] } {
  const changes: string[] = [];
  const tell = ({ kind, rotation }: RotationChange): void => {
    if (kind !== 'step') changes.push(`${rotation.number} ${kind}`);
  };
  return { rotations: new Rotations(tell), changes };
}

test('counts a rotation once, although its facts repeat and some of its steps were too quick to be seen', () => {
  const { rotations, changes } = makeRotations();

  rotations.learn({ ...fact, rotationId: 'r_1', step: 'received' });
  rotations.learn({ ...fact, rotationId: 'r_1', step: 'received' });
  rotations.learn({ ...fact, rotationId: 'r_1', step: 'draining', state: 'DRAINING', since: 1100, version: 2 });
  rotations.learn({ ...fact, state: 'IDLE', lastRotation: { rotationId: 'r_1', endedAt: 1200, durationMs: 200, outcome: 'rotated' } });
  rotations.learn({ ...fact, state: 'IDLE', lastRotation: { rotationId: 'r_1', endedAt: 1200, durationMs: 200, outcome: 'rotated' } });

  expect(changes).toEqual(['1 begun', '1 promoted', '1 over']);
  expect(rotations.last).toMatchObject({ outcome: 'retired', version: 2, step: 'retired' });
  expect(rotations.promoted).toBe(1);
});

test('does not count a rejected rotation as one', () => {
  const { rotations, changes } = makeRotations();

  rotations.learn({ ...fact, rotationId: 'r_1', step: 'applied' });
  rotations.learn({ ...fact, state: 'REJECTED', lastRotation: { rotationId: 'r_1', endedAt: 1, durationMs: 1, outcome: 'rejected' } });

  expect(changes).toEqual(['1 begun', '1 over']);
  expect(rotations.promoted).toBe(0);
});

test('takes the times of the report from the vault', () => {
  const { rotations } = makeRotations();
  rotations.learn({ ...fact, rotationId: 'r_1', step: 'draining', version: 2 });

  rotations.learnRecords([
    { rotationId: 'r_1', version: 2, state: 'retired', requestedAt: 1000, promotedAt: 1084, endedAt: 1200 },
    { rotationId: 'r_unknown', version: 9, state: 'retired', requestedAt: 0, promotedAt: 1, endedAt: 2 },
  ]);

  expect(rotations.all).toHaveLength(1);
  expect(rotations.last).toMatchObject({ promotedMs: 84, retiredMs: 200 });
});

test('skips lines that are no facts', () => {
  const { rotations } = makeRotations();

  for (const line of [null, 5, {}, { ...fact, since: 'yesterday' }]) rotations.learn(line);

  expect(rotations.agent).toBeNull();
});

const view = {
  elapsedMs: 60_000,
  totalMs: 60_000,
  everyMs: 5000,
  nextInMs: null,
  phase: 'ending' as const,
  places: [],
  logins: new Map<number, string>(),
  liveVersion: 2,
  agentState: 'IDLE',
  agentError: null,
  holders: [],
  rotations: [],
  promoted: 3,
  application: {
    kind: 'report' as const,
    logins: { tried: 100, failed: 0, p50Ms: 1, p95Ms: 2, username: 'a', version: 2 },
    pool: { queries: 10, failed: 0, p50Ms: 1, p95Ms: 1, version: 2, clients: 1 },
    failures: {},
    final: true,
  },
  troubles: [],
};

test.each([
  { name: 'all is well', changes: {}, ok: true, says: 'No application noticed' },
  {
    name: 'a login failed',
    changes: { application: { ...view.application, logins: { ...view.application.logins, failed: 1 } } },
    ok: false,
    says: 'The application noticed',
  },
  {
    name: 'a query failed',
    changes: { application: { ...view.application, pool: { ...view.application.pool, failed: 1 } } },
    ok: false,
    says: 'The application noticed',
  },
  { name: 'nothing was rotated', changes: { promoted: 0 }, ok: false, says: 'Nothing was rotated' },
  {
    name: 'the application never gave its last count',
    changes: { application: { ...view.application, final: false } },
    ok: false,
    says: 'trouble',
  },
  { name: 'the demo had trouble', changes: { troubles: ['t'] }, ok: false, says: 'trouble' },
])('judges the run when $name', ({ changes, ok, says }) => {
  const result = resultOf({ ...view, ...changes }, 5000, false);

  expect(result.ok).toBe(ok);
  expect(reportLines(result, [], plain).at(-1)).toContain(says);
});

test('shows numbers the way people read them', () => {
  expect([0, 999, 1000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([null, 4.25, 312.4, 1310].map(duration)).toEqual(['–', '4.3 ms', '312 ms', '1.3 s']);
  expect(minutesAndSeconds(65_999)).toBe('1:05');
  expect(sparkline([0, 50, 100])).toBe('▁▅█');
});

test('cuts coloured text by what is seen', () => {
  const red = `${String.fromCodePoint(27)}[31mabcdef${String.fromCodePoint(27)}[0m`;

  expect(widthOf(red)).toBe(6);
  expect(widthOf(cut(red, 3))).toBe(3);
  expect(cut(red, 3).endsWith('[0m')).toBe(true);
});
