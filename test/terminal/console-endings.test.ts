/** Every way out of the console gives the terminal back as it was; and where it cannot draw, it prints. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually, type RunningDaemon, startDaemon } from '../daemon/programs.ts';
import { hasPseudoTerminals, PseudoTerminal, type TerminalSettings } from './pseudo-terminal.ts';

let directory: string;
let daemon: RunningDaemon;
let terminal: PseudoTerminal | null = null;

beforeAll(async () => {
  if (!hasPseudoTerminals) return;
  directory = await mkdtemp(join(tmpdir(), 'sk-'));
  daemon = await startDaemon(join(directory, 'h'));
}, 60_000);

afterEach(async () => {
  await terminal?.close();
  terminal = null;
});

afterAll(async () => {
  if (!hasPseudoTerminals) return;
  await daemon.stop();
  await rm(directory, { recursive: true, force: true });
});

async function open(settings: Partial<TerminalSettings> = {}): Promise<PseudoTerminal> {
  terminal = await PseudoTerminal.open({ home: daemon.home, ...settings });
  return terminal;
}

async function opened(settings: Partial<TerminalSettings> = {}): Promise<PseudoTerminal> {
  const screen = await open(settings);
  await screen.see('sikkerkey enroll --api-url <url>');
  expect(screen.isAlternate).toBe(true);
  expect(screen.isCursorShown).toBe(false);
  return screen;
}

/** The screen from before is back, with the cursor, and the keys are a shell's again. */
async function expectRestored(screen: PseudoTerminal, code: number): Promise<void> {
  const ended = await screen.ended();
  expect(ended.code).toBe(code);
  expect(screen.isAlternate).toBe(false);
  expect(screen.isCursorShown).toBe(true);
  expect(ended.settings).toMatch(/(?<!-)\bicanon\b/);
  expect(ended.settings).toMatch(/(?<!-)\becho\b/);
  expect(ended.settings).toMatch(/(?<!-)\bisig\b/);
  expect(screen.screen()).toMatch(/^shell \d+/);
  expect(screen.screen()).not.toContain('This machine is not enrolled');
}

describe.skipIf(!hasPseudoTerminals)('the console gives the terminal back', () => {
  test.each([
    ['q', 'q'],
    ['^c', '\u0003'],
  ])('on %s', async (_name, key) => {
    const screen = await opened();

    screen.press(key);

    await expectRestored(screen, 0);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('on %s to the command that a person started', async (signal, code) => {
    const screen = await opened({ program: [join(import.meta.dirname, '../../apps/cli/main.ts'), 'tui'] });

    screen.signal(signal);

    await expectRestored(screen, code);
  });

  test('and leaves no process behind when its window is closed', async () => {
    const screen = await opened();
    const processIds = screen.processIds();
    expect(processIds.length).toBeGreaterThanOrEqual(2);

    await screen.close();

    await eventually('they are gone', () => processIds.every((id) => !isAlive(id)));
  });
});

describe.skipIf(!hasPseudoTerminals)('the console on a machine that is not enrolled', () => {
  test('says what is missing and the commands that bring it', async () => {
    const screen = await opened();

    expect(screen.screen()).toContain('This machine is not enrolled in a vault yet.');
    expect(screen.screen()).toContain('sikkerkey admin machine token');
    expect(screen.screen()).toContain('0 agents');
    expect(screen.brokenRows()).toBe(0);
  });

  test('r with nothing selected does nothing', async () => {
    const screen = await opened();

    screen.press('r');
    screen.press('?');

    await screen.see('What the words mean', (text) => text.includes('Keys while a plan is shown'));
    expect(screen.screen()).not.toContain('plan: rotate');
  });

  test('without any daemon says that it waits for one, and how to start it', async () => {
    const screen = await open({ home: join(directory, 'nowhere'), columns: 60, rows: 20 });

    const text = await screen.see('sikkerkey daemon start');

    expect(text).toContain('no daemon is running here');
    expect(text).toContain('Nothing is known yet.');
    screen.press('q');
    await expectRestored(screen, 0);
  });
});

describe.skipIf(!hasPseudoTerminals)('the console in a plain terminal', () => {
  test('has no colours under NO_COLOR, and says the same', async () => {
    const plain = await opened({ environment: { NO_COLOR: '1' } });
    expect(plain.colouredCells()).toBe(0);
    await plain.close();

    expect((await opened()).colouredCells()).toBeGreaterThan(0);
  });

  test('prints the list once on a terminal that only prints lines', async () => {
    const screen = await open({ environment: { TERM: 'dumb' } });

    const { code } = await screen.ended();

    expect(code).toBe(0);
    expect(screen.raw).toContain('This machine is not enrolled in a vault yet.');
    expect(screen.raw).not.toContain('\u001b');
  });

  test('with --ascii draws with ASCII alone', async () => {
    const screen = await opened({ program: [join(import.meta.dirname, '../../apps/cli/main.ts'), 'tui', '--ascii'] });

    expect(screen.screen()).toMatch(/^[\n -~]*$/);
  });
});

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}
