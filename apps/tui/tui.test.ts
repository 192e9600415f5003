import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import type { Link } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { overviewOf } from '@sikkerkey/ui-shared/state/overview.ts';
import { describe, expect, test } from 'vitest';
import { type CommandParts, runCommand } from './commands.ts';
import { type ConsoleEvent, type ConsoleState, initialState, keyContextOf, reduceConsole } from './console-state.ts';
import { type Line, lineWidth } from './frame/cells.ts';
import { viewportOf } from './frame/viewport.ts';
import { bindingsOf, commandFor, keymap } from './keys/keymap.ts';
import { helpLines } from './modals/help-lines.ts';
import { screenLines } from './screens/agents/screen-lines.ts';
import { createTheme } from './theme.ts';

const now = 1_700_000_000_000;
const daemon = { bootId: 'b', pid: 1, version: '1', wireVersion: 1, startedAt: now, home: '/h', journal: 'ok' as const };
const conditions = ['IDLE', 'SEALED', 'DRAINING', 'SPLIT', 'QUARANTINED', 'ACCESS_DENIED', 'DRIFT', 'NEW'];
const agents = Array.from({ length: 41 }, (_, index) =>
  makeAgentFact(now, {
    secretId: `sk_${index}`,
    name: index % 5 === 0 ? `帳簿-${index}-with-a-very-long-name-that-cannot-fit-anywhere` : `service-${index}`,
    state: conditions[index % conditions.length] ?? 'IDLE',
    step: index % 3 === 0 ? 'applied' : null,
    tls: index % 7 === 0 ? 'disable' : 'verify-full',
    holdOuts: index % 4 === 0 ? [{ kind: 'reader', name: 'api-7', count: 2 }] : [],
    errorCode: index % 6 === 0 ? 'daemon-not-running' : null,
  }),
);
const live: Link = { kind: 'live', state: { daemon, vaults: [makeVaultFact()], agents } };
const lost: Link = { kind: 'lost', state: live.state, since: now, code: 'daemon-not-running', details: { socket: '/s' } };
const plan: Plan = {
  secretId: 'sk_1',
  kind: 'rotate',
  strategy: 'flip',
  why: 'w'.repeat(300),
  server: null,
  tls: null,
  statements: [{ target: 'db', text: 'ALTER ROLE x '.repeat(20), repeatable: true }],
  retirement: [],
  predictedOutageSeconds: 0,
  findings: [],
};
const textOf = (lines: readonly Line[]): string => lines.map((line) => line.map(({ text }) => text).join('')).join('\n');

function draw(link: Link, columns: number, rows: number, state: ConsoleState = initialState, ascii = false) {
  const theme = createTheme({ ascii, noColor: false });
  return screenLines({ overview: overviewOf(link, now), state, now, columns, rows, theme, listFrom: 0 });
}

const sizes = [
  [60, 15],
  [80, 24],
  [100, 30],
  [140, 40],
  [237, 61],
] as const;

describe('the screen', () => {
  test.each(sizes)('at %d×%d every line is exactly as wide as the terminal and one row stays free', (columns, rows) => {
    const states: ConsoleState[] = [
      initialState,
      { ...initialState, selectedId: 'sk_40', notice: { kind: 'text', text: 'something was done' } },
      { ...initialState, modal: { kind: 'help', scroll: 0 } },
      { ...initialState, modal: { kind: 'plan', secretId: 'sk_1', scroll: 3, furthest: 3, phase: { kind: 'shown', plan } } },
      {
        ...initialState,
        modal: { kind: 'plan', secretId: 'sk_1', scroll: 0, furthest: 0, phase: { kind: 'failed', code: 'vault-sealed', details: {} } },
      },
    ];
    for (const state of states) {
      for (const link of [live, lost]) {
        const { lines } = draw(link, columns, rows, state);
        expect(lines).toHaveLength(rows - 1);
        for (const line of lines) expect(lineWidth(line)).toBe(columns);
      }
    }
  });

  test.each(sizes)(
    'at %d×%d a rotation that waits says for whom, until when, and the whole command that ends the wait',
    (columns, rows) => {
      const secretId = agents[0]?.secretId ?? '';
      const holdOuts = [
        { kind: 'reader' as const, name: 'api-7/main', count: 2 },
        { kind: 'unnamed-reader' as const, name: 'applications not yet using the vault', count: 1 },
      ];
      const waitsFor = { holdOuts, drainDeadlineAt: Date.UTC(2026, 10, 22, 9, 0, 0) };
      const notice = { kind: 'rotation' as const, secretId, rotationId: 'rot_2', waitsFor };
      const heard = makeAgentFact(now, { secretId, state: 'WAITING_FOR_DRAIN', step: 'draining', ...waitsFor });
      const told: Link = { kind: 'live', state: { daemon, vaults: [makeVaultFact()], agents: [heard] } };

      for (const link of [live, told]) {
        const { lines } = draw(link, columns, rows, { ...initialState, selectedId: secretId, notice });
        const text = textOf(lines).replaceAll(/ *\n +/g, ' ');
        expect(text).toContain(
          'it waits for api-7/main (2); applications not yet using the vault, at the latest until 2026-11-22 09:00:00Z',
        );
        expect(text).toContain(`sikkerkey admin retire-now ${secretId} `);
        expect(lines).toHaveLength(rows - 1);
        for (const line of lines) expect(lineWidth(line)).toBe(columns);
      }
    },
  );

  test('while the daemon is asked to rotate no key is said to leave nothing done', () => {
    const modal = { kind: 'plan', secretId: 'sk_1', scroll: 0, furthest: 0, phase: { kind: 'rotating', plan } } as const;

    expect(textOf(draw(live, 100, 30, { ...initialState, modal }).lines)).not.toContain('nothing is done');
  });

  test.each([
    [59, 14],
    [59, 40],
    [200, 14],
    [20, 5],
  ])('at %d×%d it is one line that fits', (columns, rows) => {
    const { lines } = draw(live, columns, rows);

    expect(lines).toHaveLength(1);
    expect(lineWidth(lines[0] ?? [])).toBe(columns);
  });

  test.each(sizes)('at %d×%d the command that brings the daemon back is whole', (columns, rows) => {
    expect(textOf(draw(lost, columns, rows).lines)).toContain('sikkerkey daemon start');
  });

  test('without the daemon no row claims to know anything', () => {
    const text = textOf(draw(lost, 100, 60).lines);

    expect(text).not.toMatch(/ OK |SPLIT|ROTATING/);
    expect(text).toContain('UNKNOWN');
  });

  test('in ASCII draws nothing of its own beyond ASCII', () => {
    const plain: Link = {
      kind: 'live',
      state: { daemon, vaults: [makeVaultFact()], agents: [makeAgentFact(now, { state: 'DRAINING', step: 'draining' })] },
    };
    const list = textOf(draw(plain, 100, 30, initialState, true).lines);

    expect(list.replaceAll('…', '.')).toMatch(/^[\n -~]*$/);
  });

  test('an empty list teaches what to do', () => {
    const notEnrolled = draw({ kind: 'live', state: { daemon, vaults: [], agents: [] } }, 100, 30);
    const noAgents = draw({ kind: 'live', state: { daemon, vaults: [makeVaultFact()], agents: [] } }, 140, 30);

    expect(textOf(notEnrolled.lines)).toContain('sikkerkey enroll --api-url');
    expect(textOf(noAgents.lines)).toContain('sikkerkey agent adopt --secret');
  });

  test('shows every statement of a plan whole, however narrow it is', () => {
    const state: ConsoleState = {
      ...initialState,
      modal: { kind: 'plan', secretId: 'sk_1', scroll: 0, furthest: 0, phase: { kind: 'shown', plan } },
    };
    const text = textOf(draw(live, 60, 60, state).lines);

    expect(text.match(/ALTER ROLE x/g)?.length ?? 0).toBeGreaterThanOrEqual(15);
    expect(text).not.toContain('…');
  });
});

describe('the viewport', () => {
  test.each([
    ['stays while the selection is seen', [100, 10, 5, 0], { from: 0, to: 10 }],
    ['follows downwards', [100, 10, 10, 0], { from: 1, to: 11 }],
    ['follows upwards', [100, 10, 3, 20], { from: 3, to: 13 }],
    ['never shows less than it could', [12, 10, 11, 50], { from: 2, to: 12 }],
    ['is empty for an empty list', [0, 10, 0, 0], { from: 0, to: 0 }],
  ] as const)('%s', (_name, [count, height, selected, from], expected) => {
    expect(viewportOf(count, height, selected, from)).toEqual(expected);
  });
});

describe('the key map', () => {
  test('gives a key one meaning in each place', () => {
    for (const context of ['list', 'plan', 'help'] as const) {
      const keys = bindingsOf(context).flatMap((binding) => binding.keys);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('lets every place be left', () => {
    for (const context of ['list', 'plan', 'help'] as const) expect(commandFor(context, 'ctrl-c')).toBe('quit');
    expect([commandFor('plan', 'esc'), commandFor('help', 'esc')]).toEqual(['close', 'close']);
  });

  test('is what the help shows', () => {
    const help = textOf(helpLines(100, createTheme({ ascii: false, noColor: true })));

    for (const binding of keymap.filter(({ context }) => context === 'list')) expect(help).toContain(binding.help);
  });
});

describe('rotating', () => {
  function press(client: CommandParts['client'], ...commands: Parameters<typeof runCommand>[0][]) {
    let state = initialState;
    const dispatch = (event: ConsoleEvent): void => {
      state = reduceConsole(state, event);
    };
    const rows = overviewOf(live, now).rows;
    const perform = (command: Parameters<typeof runCommand>[0]): void =>
      runCommand(command, {
        state,
        rows,
        pageSize: 10,
        lastScroll: 0,
        isPlanRead: true,
        client,
        dispatch,
        quit: () => undefined,
        suspend: () => undefined,
      });
    for (const command of commands) perform(command);
    return { state: () => state, perform };
  }

  const clientThat = (call: (method: string) => Promise<unknown>): { client: NonNullable<CommandParts['client']>; calls: string[] } => {
    const calls: string[] = [];
    const client = {
      call: (method: string) => {
        calls.push(method);
        return call(method);
      },
    };
    return { client: client as unknown as NonNullable<CommandParts['client']>, calls };
  };
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('asks for the plan first and does nothing before the yes', async () => {
    const { client, calls } = clientThat((method) =>
      Promise.resolve(method === 'agent.plan' ? plan : { rotationId: 'rot_1', state: 'pending', waitsFor: null }),
    );

    const pressed = press(client, 'plan-rotation');
    await settled();
    expect([calls, keyContextOf(pressed.state())]).toEqual([['agent.plan'], 'plan']);
    pressed.perform('confirm-rotation');
    await settled();

    expect(calls).toEqual(['agent.plan', 'agent.rotate']);
    expect(pressed.state()).toMatchObject({ modal: { kind: 'none' }, notice: { kind: 'rotation', rotationId: 'rot_1' } });
  });

  test('a yes before the plan is there, or to a plan that is blocked, does nothing', async () => {
    const blocked: Plan = { ...plan, findings: [{ code: 'x', severity: 'blocks', details: {} }] };
    const { client, calls } = clientThat(() => Promise.resolve(blocked));

    const pressed = press(client, 'plan-rotation', 'confirm-rotation');
    await settled();
    pressed.perform('confirm-rotation');
    await settled();

    expect(calls).toEqual(['agent.plan']);
  });

  test('an answer that comes after the plan was closed opens nothing', async () => {
    const { client } = clientThat(() => Promise.resolve(plan));

    const pressed = press(client, 'plan-rotation', 'close');
    await settled();

    expect(pressed.state().modal.kind).toBe('none');
  });

  test('without the daemon it says so and asks nobody', () => {
    expect(press(null, 'plan-rotation').state().notice).toMatchObject({ text: expect.stringContaining('not reachable') });
  });

  test('the selection stays on its agent and within the list', () => {
    const ids = ['a', 'b', 'c'];
    const moved = (by: number, from: string | null) =>
      reduceConsole({ ...initialState, selectedId: from }, { kind: 'moved', by, ids }).selectedId;

    expect([moved(1, 'a'), moved(-1, 'a'), moved(Number.POSITIVE_INFINITY, 'a'), moved(1, 'gone'), moved(1, null)]).toEqual([
      'b',
      'a',
      'c',
      'b',
      'b',
    ]);
  });
});
