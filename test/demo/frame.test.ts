import { frameOf } from '@sikkerkey/demo/screen/frame.ts';
import { coloured, plain, widthOf } from '@sikkerkey/demo/screen/style.ts';
import type { View } from '@sikkerkey/demo/view.ts';
import { expect, test } from 'vitest';

const rotation = {
  number: 7,
  rotationId: 'rot_7',
  stepAt: new Map([
    ['received', 1000],
    ['sealed', 1002],
    ['applied', 1054],
    ['promoted', 1081],
    ['draining', 1083],
  ] as const),
  step: 'draining',
  version: 8,
  promotedMs: null,
  retiredMs: null,
  outcome: 'under way',
} as const;

function makeView(changes: Partial<View> = {}): View {
  return {
    elapsedMs: 42_000,
    totalMs: 120_000,
    everyMs: 5000,
    nextInMs: 2400,
    phase: 'running',
    places: ['PostgreSQL 18 :40001', 'vault :40002', 'daemon', 'application', 'real processes'],
    logins: new Map([
      [7, 'shop_a'],
      [8, 'shop_b'],
    ]),
    liveVersion: 8,
    agentState: 'DRAINING',
    agentError: null,
    holders: [{ name: 'demo', count: 2 }],
    rotations: [
      { ...rotation, number: 6, rotationId: 'rot_6', version: 7, step: 'retired', outcome: 'retired', promotedMs: 84, retiredMs: 210 },
      rotation,
    ],
    promoted: 7,
    application: {
      kind: 'report',
      logins: { tried: 12_345, failed: 0, p50Ms: 4.21, p95Ms: 12, username: 'shop_b', version: 8 },
      pool: { queries: 45_678, failed: 0, p50Ms: 0.6, p95Ms: 2, version: 8, clients: 4 },
      failures: {},
      final: false,
    },
    troubles: [],
    ...changes,
  };
}

test('shows the step rail, the logins, the counts and the latency on 80 columns and 24 rows', () => {
  const lines = frameOf(makeView(), 80, 24, plain);

  expect(lines.join('\n')).toMatchInlineSnapshot(`
    " SikkerKey  a database password that changes under load             0:42 / 2:00 
     PostgreSQL 18 :40001 · vault :40002 · daemon · application · real processes
    ────────────────────────────────────────────────────────────────────────────────
     rotation 7  ◷ draining  still held by demo ×2                      next in 3 s 

     ✓ received ✓ sealed   ✓ applied  ✓ verified ✓ promoted ▸ draining ○ retired  
       +0 ms      +2 ms      +54 ms     ·          +81 ms     +83 ms              
    ────────────────────────────────────────────────────────────────────────────────
       ● live  version 8  shop_b             ◐ draining  version 7  shop_a

       the application                        tried    failed       p50       p95
     ✓ fresh logins, 12 workers              12,345         0    4.2 ms     12 ms
     ✓ queries, pool of 4                    45,678         0    0.6 ms    2.0 ms
    ────────────────────────────────────────────────────────────────────────────────
       rotate → promoted   p50 84 ms   p95 84 ms   █
     ✓ rotation 6    version 7     promoted   84 ms   old one retired  210 ms






    ────────────────────────────────────────────────────────────────────────────────
     ✓ nothing has failed                      Ctrl-C ends it and prints the report "
  `);
});

test.each([
  { columns: 80, rows: 24 },
  { columns: 78, rows: 16 },
  { columns: 200, rows: 60 },
])('stays within $columns columns and $rows rows, whatever there is to say', ({ columns, rows }) => {
  const views = [
    makeView(),
    makeView({ application: null, rotations: [], logins: new Map(), liveVersion: null, nextInMs: null }),
    makeView({ troubles: ['x'.repeat(300)], agentError: 'e'.repeat(300), places: ['p'.repeat(300)] }),
    makeView({ holders: Array.from({ length: 30 }, (_, index) => ({ name: `holder ${index}`, count: 3 })) }),
  ];

  for (const style of [plain, coloured]) {
    const frames = views.map((view) => frameOf(view, columns, rows, style));
    expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThanOrEqual(rows);
    expect(Math.max(...frames.flat().map(widthOf))).toBeLessThanOrEqual(columns);
  }
});

test('keeps every line in its place while a rotation goes on', () => {
  const before = frameOf(
    makeView({ rotations: [{ ...rotation, step: 'received', stepAt: new Map([['received', 1000]]) }] }),
    80,
    24,
    plain,
  );
  const during = frameOf(makeView(), 80, 24, plain);

  expect(before).toHaveLength(during.length);
  expect(before.findIndex((line) => line.includes('fresh logins'))).toBe(during.findIndex((line) => line.includes('fresh logins')));
});

test('says in words and not by colour alone that something failed', () => {
  const application = makeView().application;
  const failed = application === null ? null : { ...application, logins: { ...application.logins, failed: 3 } };

  const text = frameOf(makeView({ application: failed }), 80, 24, plain).join('\n');

  expect(text).toContain('✖ 3 failed');
  expect(text).not.toContain('nothing has failed');
});

test('names who still holds the old password', () => {
  expect(frameOf(makeView(), 80, 24, plain).join('\n')).toContain('still held by demo ×2');
});
