/** The console under a shell with jobs: stopped and continued any number of times, the terminal is the shell's in between. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningDaemon, startDaemon } from '../daemon/programs.ts';
import { commandOf, hasPseudoTerminals, PseudoTerminal, prompt } from './pseudo-terminal.ts';

/** As a person starts it: the console is a child of the command. */
const program = [join(import.meta.dirname, '../../apps/cli/main.ts'), 'tui'];
const suspendKey = '\u001a';
const enter = '\r';
const drawn = 'sikkerkey enroll --api-url <url>';

let directory: string;
let daemon: RunningDaemon;
let screen: PseudoTerminal;

beforeAll(async () => {
  if (!hasPseudoTerminals) return;
  directory = await mkdtemp(join(tmpdir(), 'sk-'));
  daemon = await startDaemon(join(directory, 'h'));
}, 60_000);

beforeEach(async () => {
  if (!hasPseudoTerminals) return;
  screen = await PseudoTerminal.open({ home: daemon.home, isTypedAt: true });
  await screen.see(prompt);
  screen.press(commandOf({ program }) + enter);
  await expectDrawn();
});

afterEach(() => screen?.close());

afterAll(async () => {
  if (!hasPseudoTerminals) return;
  await daemon.stop();
  await rm(directory, { recursive: true, force: true });
});

async function expectDrawn(): Promise<void> {
  await screen.see('the console', (text) => screen.isAlternate && !screen.isCursorShown && text.includes(drawn));
  expect(screen.brokenRows()).toBe(0);
}

/** The shell has the terminal: its own screen, the cursor, and lines that it reads as they are typed. */
async function expectStopped(): Promise<void> {
  await screen.see('the shell again', (text) => !screen.isAlternate && text.includes('Stopped'));
  expect(screen.isCursorShown).toBe(true);
  screen.press(`clear; stty -a${enter}`);
  const settings = await screen.see('the settings of the terminal', (text) => /echoke[\s\S]*your-turn>/.test(text));
  expect(settings).toMatch(/(?<!-)\bicanon\b/);
  expect(settings).toMatch(/(?<!-)\becho\b/);
  expect(settings).toMatch(/(?<!-)\bisig\b/);
}

describe.skipIf(!hasPseudoTerminals)('the console as a job of a shell', () => {
  test('^z gives the terminal to the shell, and fg draws the console anew with its keys, twice', async () => {
    for (const round of [1, 2]) {
      screen.press(suspendKey);
      await expectStopped();
      screen.press(`fg${enter}`);
      await expectDrawn();
      screen.press('?');
      await screen.see(`the help, in round ${round}`, (text) => text.includes('Keys while'));
      screen.press('q');
      await expectDrawn();
    }

    screen.press('q');
    await screen.see('the prompt', (text) => !screen.isAlternate && text.trimEnd().endsWith(prompt));
    screen.press(`echo code $?${enter}`);
    await screen.see('code 0');
    expect(screen.isCursorShown).toBe(true);
  });

  test.each([
    [100, 30],
    [62, 18],
  ])('a window that has meanwhile become %d×%d is filled as it is now', async (columns, rows) => {
    screen.press(suspendKey);
    await expectStopped();
    await screen.resize(columns, rows);
    screen.press(`fg${enter}`);
    await screen.see('the footer', (text) => screen.lines()[rows - 2]?.includes('? all keys') === true && text.includes(drawn));

    const [header = ''] = screen.lines();
    expect(header).toMatch(/^ sikker ▸ agents .*\d\d:\d\d:\d\dZ ?$/);
    expect(header.length).toBeGreaterThanOrEqual(columns - 2);
    expect(screen.brokenRows()).toBe(0);
  });

  test('a stop that somebody else asks for is as good as ^z', async () => {
    process.kill(-screen.programId(), 'SIGTSTP');

    await expectStopped();
    screen.press(`fg${enter}`);
    await expectDrawn();
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)('%s to the whole job gives the terminal back', async (signal) => {
    process.kill(-screen.programId(), signal);

    await screen.see('the prompt', (text) => !screen.isAlternate && text.trimEnd().endsWith(prompt));
    expect(screen.isCursorShown).toBe(true);
    screen.press(`stty -a${enter}`);
    expect(await screen.see('echoke')).toMatch(/(?<!-)\bicanon\b/);
  });

  test('what has come over the screen is gone when the window has another size', async () => {
    await screen.scribble('message from somebody else', 15);
    await screen.see('message from somebody else');
    await screen.resize(80, 25);

    await screen.see('a whole screen', (text) => text.includes(drawn) && !text.includes('somebody else'));
    expect(screen.lines()[0]).toMatch(/^ sikker ▸ agents /);
  });

  test('a storm of sizes, a pause now and then, ends in a whole screen of the last one', async () => {
    for (let gust = 0; gust < 4; gust += 1) {
      for (let step = 0; step < 10; step += 1) await screen.resize(40 + (((gust * 10 + step) * 37) % 120), 8 + ((step * 11) % 40));
      await screen.resize(70 + gust * 5, 30 - gust * 4);
      await screen.see('the footer', () => screen.lines()[28 - gust * 4]?.includes('? all keys') === true);
    }
    await screen.resize(90, 26);

    await screen.see('the last size', (text) => screen.lines()[24]?.includes('? all keys') === true && text.includes(drawn));
    await screen.see('no broken row', () => screen.brokenRows() === 0);
    expect(screen.lines()[0]).toMatch(/^ sikker ▸ agents /);
    for (const once of ['sikker ▸', '? all keys', drawn]) {
      expect(screen.lines().filter((line) => line.includes(once))).toHaveLength(1);
    }
    expect(screen.lines()[25]).toBe('');
  });
});
