import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import type { Link } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { overviewOf } from '@sikkerkey/ui-shared/state/overview.ts';
import { describe, expect, test } from 'vitest';
import { type CommandParts, runCommand } from '../commands.ts';
import { type ConsoleState, initialState, reduceConsole } from '../console-state.ts';
import type { CommandName } from '../keys/keymap.ts';
import { screenLines } from '../screens/agents/screen-lines.ts';
import { createTheme } from '../theme.ts';

const now = 1_700_000_000_000;
const daemon = { bootId: 'b', pid: 1, version: '1', wireVersion: 1, startedAt: now, home: '/h', journal: 'ok' as const };
const link: Link = { kind: 'live', state: { daemon, vaults: [makeVaultFact()], agents: [makeAgentFact(now)] } };
const finding = (severity: 'blocks' | 'warns' | 'informs', code = 'tls-disabled'): Plan['findings'][number] => ({
  code,
  severity,
  details: {},
});
const plan: Plan = {
  secretId: 'sk_payments',
  kind: 'rotate',
  strategy: 'flip',
  why: 'two login roles can take turns',
  server: null,
  tls: null,
  statements: [{ target: 'db', text: 'ALTER ROLE b', repeatable: true }],
  retirement: [{ target: 'db', text: 'ALTER ROLE a NOLOGIN', repeatable: true }],
  predictedOutageSeconds: 0,
  findings: [],
};

/** A console with a plan on its screen: keys go in, the text comes out, and what the daemon is asked is kept. */
function consoleWith(findings: Plan['findings'], columns = 80, rows = 24) {
  const asked: string[] = [];
  const call = (method: string): Promise<unknown> => {
    asked.push(method);
    return new Promise(() => undefined);
  };
  const client = { call } as unknown as CommandParts['client'];
  const overview = overviewOf(link, now);
  let state: ConsoleState = reduceConsole(initialState, { kind: 'plan-asked', secretId: 'sk_payments' });
  const dispatch: CommandParts['dispatch'] = (event) => {
    state = reduceConsole(state, event);
  };
  dispatch({ kind: 'plan-came', secretId: 'sk_payments', plan: { ...plan, findings } });
  const theme = createTheme({ ascii: false, noColor: false });
  const screen = () => screenLines({ overview, state, now, columns, rows, theme, listFrom: 0 });
  return {
    asked,
    text: (): string =>
      screen()
        .lines.map((line) => line.map(({ text }) => text).join(''))
        .join('\n'),
    press: (command: CommandName): void => {
      const { pageSize, lastScroll, isPlanRead } = screen();
      const nothing = (): void => undefined;
      runCommand(command, {
        state,
        rows: overview.rows,
        pageSize,
        lastScroll,
        isPlanRead,
        client,
        dispatch,
        quit: nothing,
        suspend: nothing,
      });
    },
  };
}

describe('the plan before a rotation', () => {
  test('shows warnings before everything else, and notes at the end', () => {
    const text = consoleWith([finding('informs', 'statements-are-logged'), finding('warns')]).text();

    expect(text.indexOf('warns:')).toBeLessThan(text.indexOf('strategy'));
    expect(text.indexOf('note:')).toBeGreaterThan(text.indexOf('ALTER ROLE a NOLOGIN'));
  });

  test('names the agent, not its id, in the question', () => {
    expect(consoleWith([]).text()).toContain('Rotate payments-db now?');
  });

  test('takes a yes when the warnings were on the first page, whatever lies below', () => {
    const shown = consoleWith([finding('warns')], 60, 15);
    expect(shown.text()).toMatch(/more lines? below/);

    shown.press('confirm-rotation');

    expect(shown.asked).toEqual(['agent.rotate']);
  });

  test('takes no yes until the last of many warnings was on the screen', () => {
    const shown = consoleWith(
      Array.from({ length: 12 }, () => finding('warns')),
      60,
      15,
    );
    expect(shown.text()).toContain('more warnings below: read them first');
    expect(shown.text()).not.toContain('rotate now');

    shown.press('confirm-rotation');
    shown.press('scroll-down');
    shown.press('confirm-rotation');
    expect(shown.asked).toEqual([]);
    for (let page = 0; page < 6; page += 1) shown.press('scroll-page-down');
    shown.press('scroll-page-up');
    expect(shown.text()).toContain('Rotate payments-db now?');
    shown.press('confirm-rotation');

    expect(shown.asked).toEqual(['agent.rotate']);
  });

  test('offers no yes to a plan that is blocked, but the command that lets it go on', () => {
    const shown = consoleWith([finding('blocks', 'hba-differs-for-slots')]);
    expect(shown.text()).toContain('cannot run until what blocks it is mended');
    expect(shown.text()).toContain('sikkerkey agent configure --secret sk_payments --accept-hba');
    expect(shown.text()).not.toContain('rotate now');

    shown.press('confirm-rotation');

    expect(shown.asked).toEqual([]);
  });

  test('scrolls within its text: no further than the end, not before the beginning', () => {
    const shown = consoleWith(
      Array.from({ length: 12 }, () => finding('warns')),
      60,
      15,
    );
    const top = shown.text();

    for (let page = 0; page < 20; page += 1) shown.press('scroll-page-down');
    expect(shown.text()).toContain('the end ·');
    for (let page = 0; page < 20; page += 1) shown.press('scroll-page-up');

    expect(shown.text().split('\n').slice(0, 8)).toEqual(top.split('\n').slice(0, 8));
  });
});
