import { railSteps, type VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { describe, expect, test } from 'vitest';
import { clockWords, dueWords, skewWords, spanWords } from './age.ts';
import { agentCondition, type ConditionName, conditionNamed } from './agent-condition.ts';
import { countWords } from './counts.ts';
import { beatStrip, judgeHeartbeat } from './heartbeat.ts';
import { overviewOf } from './overview.ts';
import { railStepsInOrder, stepNumber, stepRail } from './step-rail.ts';
import { isVaultWithUs, vaultCondition } from './vault-condition.ts';

const now = 1_700_000_000_000;
const beatsAt = (...ages: number[]): number[] => ages.map((age) => now - age);

describe('the truth of heartbeats', () => {
  test.each([
    ['a beat within 1.5 intervals is ok', beatsAt(45_000), 'ok'],
    ['beyond 1.5 intervals it is late', beatsAt(45_001), 'late'],
    ['up to 2 intervals and 20 s it is late', beatsAt(80_000), 'late'],
    ['beyond 2 intervals and 20 s it is offline', beatsAt(80_001), 'offline'],
    ['one good beat after silence is still late', beatsAt(120_000, 1000), 'late'],
    ['two good beats after silence are ok', beatsAt(150_000, 31_000, 1000), 'ok'],
    ['nothing yet is none', [], 'none'],
  ] as const)('%s', (_name, beats, truth) => {
    expect(judgeHeartbeat(beats, now)).toBe(truth);
  });

  test('the strip shows a missing beat at its place', () => {
    expect(beatStrip(beatsAt(124_000, 94_000, 64_000, 34_000, 4000), now)).toEqual(Array(5).fill('on-time'));
    expect(beatStrip(beatsAt(124_000, 94_000), now)).toEqual(['on-time', 'on-time', 'on-time', 'missing', 'missing']);
  });

  test('a young agent has missed nothing', () => {
    expect(beatStrip(beatsAt(2000), now)).toEqual(['not-known', 'not-known', 'not-known', 'not-known', 'on-time']);
    expect(beatStrip([], now)).toEqual(Array(5).fill('not-known'));
  });

  test('an agent that told five changes of state in a second has missed nothing before', () => {
    expect(beatStrip(beatsAt(10_400, 10_300, 10_200, 10_100, 10_000), now)).toEqual([
      'not-known',
      'not-known',
      'not-known',
      'not-known',
      'on-time',
    ]);
  });
});

describe('the condition of an agent', () => {
  test.each([
    ['IDLE', 'OK'],
    ['APPLYING', 'ROTATING'],
    ['CONFIRMING', 'ROTATING'],
    ['DRAINING', 'DRAINING'],
    ['WAITING_FOR_DRAIN', 'WAITING'],
    ['SPLIT', 'SPLIT'],
    ['DRIFT', 'DRIFT'],
    ['QUARANTINED', 'QUARANTINED'],
    ['ACCESS_DENIED', 'DENIED'],
    ['DATABASE_UNREACHABLE', 'BLOCKED'],
    ['JOURNAL_UNAVAILABLE', 'NO JOURNAL'],
    ['VAULT_UNREACHABLE', 'UNKNOWN'],
    ['A_STATE_OF_TOMORROW', 'UNKNOWN'],
  ] as const)('%s is %s', (state, name) => {
    expect(agentCondition(makeAgentFact(now, { state }), now, true).name).toBe(name);
  });

  test('everything is grey UNKNOWN when we cannot see, whatever the last state was', () => {
    expect(agentCondition(makeAgentFact(now, { state: 'SPLIT' }), now, false)).toEqual(conditionNamed('UNKNOWN'));
  });

  test('a stopped agent is PAUSED, but what needs somebody stays visible', () => {
    expect(agentCondition(makeAgentFact(now, { running: false }), now, true).name).toBe('PAUSED');
    expect(agentCondition(makeAgentFact(now, { running: false, state: 'SPLIT' }), now, true).name).toBe('SPLIT');
  });

  test('an agent that began just now is not late for want of a beat', () => {
    expect(agentCondition(makeAgentFact(now, { beats: [], since: now - 5000 }), now, true).name).toBe('OK');
    expect(agentCondition(makeAgentFact(now, { beats: [], since: now - 100_000 }), now, true).name).toBe('OFFLINE');
  });

  test('no two words that need different acts share glyph and ASCII glyph and colour', () => {
    const names: ConditionName[] = ['OK', 'ROTATING', 'LATE', 'OFFLINE', 'UNKNOWN', 'DRIFT', 'SPLIT', 'QUARANTINED', 'PAUSED', 'DENIED'];
    const glyphs = names.map((name) => conditionNamed(name).glyph);
    const ascii = names.map((name) => conditionNamed(name).ascii);

    expect(new Set(glyphs).size).toBe(names.length);
    expect(new Set(ascii).size).toBe(names.length);
  });
});

describe('the overview', () => {
  const state = {
    daemon: { bootId: 'b', pid: 1, version: '1', wireVersion: 1, startedAt: now, home: '/h', journal: 'ok' as const },
    vaults: [makeVaultFact()],
    agents: [makeAgentFact(now, { secretId: 'b', name: 'beta' }), makeAgentFact(now, { secretId: 'a', name: 'alpha' })],
  };

  const next = { machineId: 'm_2', machineName: 'jump-fra-1', fingerprint: 'AAAA-BBBB-CCCC' };
  const lacking = { machineId: 'm_2', permission: 'rotate', secretId: 'sk_payments', projectId: 'proj_1', vaultId: 'vault_demo' };

  test('keeps rows in the order of their names', () => {
    expect(overviewOf({ kind: 'live', state }, now).rows.map(({ agent }) => agent.name)).toEqual(['alpha', 'beta']);
  });

  test('has no banner when all is well', () => {
    expect(overviewOf({ kind: 'live', state }, now).banner).toBeNull();
  });

  test('shows one banner with the command and grey rows when the daemon is lost', () => {
    const overview = overviewOf({ kind: 'lost', state, since: now, code: 'daemon-not-running', details: { socket: '/s' } }, now);

    expect(overview.banner).toMatchObject({ tone: 'bad', command: 'sikkerkey daemon start' });
    expect(overview.rows.every(({ condition }) => condition.name === 'UNKNOWN')).toBe(true);
  });

  test.each([
    ['unreachable', { reachable: false }],
    ['sealed', { sealed: true }],
  ])('greys the agents of a vault that is %s', (_word, part) => {
    const overview = overviewOf({ kind: 'live', state: { ...state, vaults: [makeVaultFact(part)] } }, now);

    expect(overview.banner).not.toBeNull();
    expect(overview.rows.every(({ condition }) => condition.name === 'UNKNOWN')).toBe(true);
  });

  test('tells how to approve a machine that waits for it', () => {
    const overview = overviewOf({ kind: 'live', state: { ...state, vaults: [makeVaultFact({ machineState: 'pending' })] } }, now);

    expect(overview.banner?.command).toBe('sikkerkey admin machine approve m_1 --fingerprint K7QD-93MX-F2PA');
  });

  test.each<{ name: string; successor: NonNullable<VaultFact['successor']>; text: string; command: string }>([
    {
      name: 'waits for approval',
      successor: { ...next, machineState: 'pending' },
      text: 'a machine that is to take the place of the one in use waits for approval (AAAA-BBBB-CCCC)',
      command: 'sikkerkey admin machine approve m_2 --fingerprint AAAA-BBBB-CCCC',
    },
    {
      name: 'may do less than the one in use',
      successor: { ...next, machineState: 'approved', errorCode: 'successor-lacks-access', errorDetails: lacking },
      text: 'sk_payments',
      command: 'sikkerkey admin grant add sk_payments --machine m_2 --permission rotate',
    },
  ])('says that the machine which is to take over $name, and how to let it', ({ successor, text, command }) => {
    const { banner } = overviewOf({ kind: 'live', state: { ...state, vaults: [makeVaultFact({ successor })] } }, now);

    expect(banner).toMatchObject({ tone: 'warn', command });
    expect(banner?.text).toContain(text);
  });

  test('has no banner while the approved machine merely has not taken over yet', () => {
    const vaults = [makeVaultFact({ successor: { ...next, machineState: 'approved' } })];

    expect(overviewOf({ kind: 'live', state: { ...state, vaults } }, now).banner).toBeNull();
  });
});

describe('the step rail', () => {
  test('has the steps of the schema', () => {
    expect(railStepsInOrder).toEqual(railSteps);
  });

  test('marks what is done, what runs and what comes', () => {
    expect(stepRail('applied').map(({ status }) => status)).toEqual([
      'done',
      'done',
      'current',
      'to-come',
      'to-come',
      'to-come',
      'to-come',
    ]);
    expect(stepNumber('applied')).toBe('3/7');
  });

  test('is empty for no step and for one of tomorrow', () => {
    expect([stepRail(null), stepRail('levitating'), stepNumber('levitating')]).toEqual([[], [], '']);
  });
});

describe('spans', () => {
  test.each([
    [0, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [7_200_000, '2h'],
    [12_000_000, '3h 20m'],
    [273_600_000, '3d 4h'],
    [-5000, '0s'],
  ])('%d ms is %s', (ms, words) => {
    expect(spanWords(ms)).toBe(words);
  });

  test('what is due is now, what has no date is a dash', () => {
    expect([dueWords(now - 1, now), dueWords(null, now), dueWords(now + 60_000, now)]).toEqual(['now', '—', '60s']);
  });

  test('the clock is UTC and the skew has a sign', () => {
    expect([clockWords(now), skewWords(300), skewWords(-1500), skewWords(null)]).toEqual(['22:13:20Z', '+0.3 s', '−1.5 s', '—']);
  });
});

test('a vault is with us only when it is known, reached and open', () => {
  expect(isVaultWithUs([makeVaultFact()], 'vault_demo')).toBe(true);
  expect(isVaultWithUs([makeVaultFact({ sealed: true })], 'vault_demo')).toBe(false);
  expect(isVaultWithUs([makeVaultFact({ reachable: false })], 'vault_demo')).toBe(false);
  expect(isVaultWithUs([], 'vault_demo')).toBe(false);
  expect(vaultCondition(makeVaultFact({ pushConnected: false })).word).toBe('polling (no push)');
  expect(vaultCondition(makeVaultFact({ reachable: false })).word).toBe('connecting');
  expect(vaultCondition(makeVaultFact({ reachable: false, errorCode: 'connect-failed' })).word).toBe('unreachable');
});

test('counts name the conditions, most frequent first', () => {
  expect(countWords([conditionNamed('LATE'), conditionNamed('OK'), conditionNamed('OK')])).toBe('3: 2 OK, 1 LATE');
  expect(countWords([conditionNamed('OK'), conditionNamed('OK')])).toBe('2 OK');
});
