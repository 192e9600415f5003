/**
 * The console as a person sees it, in a real pseudo-terminal, on a real daemon, vault and PostgreSQL: what stands on the
 * screen, and what the keys do.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { machineClient } from '../crash/login-meter.ts';
import { type Managed, Stand } from '../crash/stand.ts';
import { hasPseudoTerminals, PseudoTerminal } from './pseudo-terminal.ts';

const enter = '\r';
const escapeKey = '\u001b';
const pageDown = '\u001b[6~';

let stand: Stand;
/** In the order of the list: `app_1`, `app_2`. */
let first: Managed;
let second: Managed;
let terminal: PseudoTerminal | null = null;

beforeAll(async () => {
  if (!hasPseudoTerminals) return;
  stand = await Stand.open({ drainDeadlineMs: 60_000 });
  first = await stand.adopted();
  second = await stand.adopted();
}, 120_000);

afterEach(async () => {
  await terminal?.close();
  terminal = null;
});

afterAll(async () => {
  if (hasPseudoTerminals) await stand.close();
});

async function open(columns = 80, rows = 24): Promise<PseudoTerminal> {
  terminal = await PseudoTerminal.open({ home: stand.home, columns, rows });
  return terminal;
}

/** The version that the row of an agent shows. */
function versionOf(screen: string, { owner }: Managed): number {
  const row = screen.split('\n').find((line) => line.includes(` ${owner} `)) ?? '';
  return Number(/ v(\d+)\b/.exec(row)?.[1] ?? Number.NaN);
}

async function select(screen: PseudoTerminal, { owner }: Managed, key: string): Promise<void> {
  screen.press(key);
  await screen.see(`${owner} is selected`, (text) => new RegExp(`^▌.* ${owner} `, 'm').test(text));
}

describe.skipIf(!hasPseudoTerminals)('the console in a terminal', () => {
  test('shows the agents with condition, heartbeat and version, and what is known of the selected one', async () => {
    const screen = await open();

    const text = await screen.see('two agents', (shown) => shown.includes('CONDITION') && shown.includes('app_2'));

    expect(screen.isAlternate).toBe(true);
    expect(screen.isCursorShown).toBe(false);
    expect(text).toMatch(/^▌✓ {2}OK +app_1 .*● *\d+s .*v\d+/m);
    expect(text).toContain(first.secretId);
    expect(text).toContain(`${stand.postgresql.host}:${stand.databasePort}/${stand.postgresql.database}`);
    expect(text).toContain('OFF: the session is not encrypted');
    expect(text).toMatch(/r rotate….*q quit/);
  });

  test.each([
    [80, 24],
    [60, 20],
    [120, 40],
  ])('at %d×%d no line is broken, and the columns stand below their headings', async (columns, rows) => {
    const screen = await open(columns, rows);

    for (const [key, sign] of [
      ['', 'CONDITION'],
      ['?', 'Keys while'],
      [escapeKey, 'CONDITION'],
      ['r', 'plan: rotate'],
      [escapeKey, 'CONDITION'],
    ] as const) {
      screen.press(key);
      await screen.see(sign);
      const lines = screen.lines();
      expect(screen.brokenRows()).toBe(0);
      expect(lines[0]).toMatch(/^ sikker ▸ .*\d\d:\d\d:\d\dZ ?$/);
      expect(lines[rows - 1]).toBe('');
      expect(lines.every((line) => [...line].length <= columns)).toBe(true);
    }
    const heading = screen.lines().find((line) => line.includes('CONDITION')) ?? '';
    const row = screen.lines().find((line) => line.includes(' app_1 ')) ?? '';
    for (const [title, value] of [
      ['CONDITION', 'OK'],
      ['AGENT', 'app_1'],
      ['VER', `v${versionOf(screen.screen(), first)}`],
    ] as const) {
      expect(row.slice(heading.indexOf(title)).startsWith(value), `${title}\n${heading}\n${row}`).toBe(true);
    }
  });

  test('follows a window that is dragged smaller and larger, down to one line and back', async () => {
    const screen = await open();
    await screen.see('app_2');

    await screen.resize(60, 20);
    const narrow = await screen.see('the narrow list', (text) => !text.includes('ENGINE') && text.includes('CONDITION'));
    await screen.resize(40, 10);
    const least = await screen.see('one line', (text) => text.includes('2 agents') && !text.includes('CONDITION'));
    await screen.resize(120, 40);
    await screen.see('the wide list', (text) => text.includes('ENGINE') && text.includes('NEXT'));

    expect(narrow).toContain('app_1 ⚠ no TLS');
    expect(least.trim().split('\n')).toHaveLength(1);
    expect(screen.brokenRows()).toBe(0);
    expect(screen.lines().filter((line) => line.includes('CONDITION'))).toHaveLength(1);
  });

  test('r shows the plan; enter rotates; the rail moves; who holds the old password is named; the version goes up', async () => {
    const client = await machineClient(stand);
    const reader = { instance: 'shop-worker', pool: 'main' };
    await client.machine('readSecret', { secretId: first.secretId, ...reader });
    const screen = await open();
    const before = versionOf(await screen.see('app_1'), first);

    screen.press('r');
    const plan = await screen.see('Rotate app_1 now?');
    expect(plan).toContain('⚠ warns: TLS is off');
    expect(plan).toContain('ALTER ROLE');
    expect(plan).not.toContain(first.firstPassword);
    screen.press(enter);
    const draining = await screen.see('the drain', (text) => /DRAINING +app_1/.test(text) && text.includes('still held by'));
    await client.machine('endInstance', { instance: reader.instance });
    await client.close();
    const words = `rotation of app_1: rotated, v${before + 1} is live`;
    const after = await screen.see(words, undefined, 40_000);

    expect(draining).toContain('✓ received ✓ sealed ✓ applied ✓ verified ✓ promoted ▸ draining · retired');
    expect(draining).toMatch(/6\/7 draini/);
    expect(draining).toMatch(/still held by .*main/);
    expect(after).toMatch(/OK +app_1 /);
    expect(versionOf(after, first)).toBe(before + 1);
  });

  test('r while the one before drains says whom the rotation waits for, until when, and how to end the wait', async () => {
    const client = await machineClient(stand);
    const reader = { instance: 'slow-worker', pool: 'main' };
    await client.machine('readSecret', { secretId: first.secretId, ...reader });
    await stand.client((local) => local.call('agent.rotate', { secretId: first.secretId }));
    const screen = await open(60, 20);
    await screen.see('the drain', (text) => /DRAINING +app_1/.test(text) && text.includes('still held by'));

    screen.press('r');
    await screen.see('Rotate app_1 now?');
    screen.press(enter);
    const waiting = await screen.see('the way out', (text) => text.includes(`sikkerkey admin retire-now ${first.secretId}`));
    await stand.operator('retireNow', { secretId: first.secretId });
    await client.machine('endInstance', { instance: reader.instance });
    await client.close();
    await screen.see('the rotation after', (text) => /OK +app_1 /.test(text) && text.includes('rotation of app_1: rotated'), 40_000);

    const words = waiting.replaceAll(/\s*\n\s+/g, ' ');
    expect(words).toMatch(/it waits for .*main.*, at the latest until \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/);
    expect(words).toContain('to end the wait and lock out whoever still uses the old password:');
    expect(screen.brokenRows()).toBe(0);
  });

  test('esc on a plan does nothing to the database', async () => {
    const screen = await open();
    const before = versionOf(await screen.see('app_1'), first);

    screen.press('r');
    await screen.see('Rotate app_1 now?');
    screen.press(escapeKey);
    const after = await screen.see('r rotate…');

    expect(versionOf(after, first)).toBe(before);
    expect((await stand.agent(first.secretId)).state).toBe('IDLE');
  });

  test('the help scrolls to its end where it does not fit, and says that there is more', async () => {
    const screen = await open(80, 24);
    await screen.see('app_1');

    screen.press('?');
    const top = await screen.see('more lines below');
    screen.press(pageDown);
    screen.press(pageDown);
    screen.press(pageDown);
    const bottom = await screen.see('the end ·');
    screen.press(escapeKey);
    await screen.see('CONDITION');

    expect(top).toContain('rotate: shows the plan, then asks');
    expect(top).not.toContain('QUARANTINED');
    expect(bottom).toContain('QUARANTINED');
    expect(bottom).toContain('NO JOURNAL');
  });

  test('a schedule that an operator sets shows as the next rotation, without waiting for a heartbeat', async () => {
    const screen = await open();
    await screen.see('app_1');

    // Heartbeats are 30 s apart: one that happens to come may show one of the two in time, never both.
    for (const [hours, next] of [
      [72, /3d|2d 23h/],
      [48, /2d(?! 23h)|47h 59m/],
    ] as const) {
      await stand.operator('setSchedule', { secretId: second.secretId, intervalMs: hours * 3_600_000, drainDeadlineMs: 60_000 });
      const row = new RegExp(` app_2 .* (${next.source}) `);
      await screen.see(`NEXT of app_2 in ${hours} h`, (text) => row.test(text), 8_000);
    }
  });

  test('a stopped agent says PAUSED and the command that starts it, and is known by name after the daemon was restarted', async () => {
    const before = await stand.agent(second.secretId);
    await stand.client((client) => client.call('agent.stop', { secretId: second.secretId }));
    await stand.restartDaemon();
    const screen = await open(60, 20);
    await screen.see('app_2');

    await select(screen, second, 'G');
    const text = await screen.see('PAUSED');
    await stand.client((client) => client.call('agent.start', { secretId: second.secretId }));
    await screen.see('app_2 goes on', (shown) => /^▌✓ +OK +app_2/m.test(shown));

    expect(versionOf(text, second)).toBe(before.version);
    expect(text).toContain('as last known:');
    expect(text).toMatch(/last rotated \d{4}-/);
    expect(text).toContain('stopped: nobody applies a rotation');
    expect(text).toContain(`sikkerkey agent start --secret ${second.secretId}`);
  });

  test('a quarantined agent says what happened and the command that mends it, whole', async () => {
    const live = (
      await stand.sql<{ name: string }>(`SELECT rolname AS name FROM pg_roles WHERE rolname LIKE '${second.owner}\\__' AND rolcanlogin`)
    )[0]?.name;
    await stand.sql(`ALTER ROLE ${live} PASSWORD 'set-by-somebody-else-0123456789'`);
    const screen = await open(80, 24);
    await screen.see('app_2');
    const repair = { secretId: second.secretId, overwriteForeignPassword: false };
    await stand.client((client) => client.call('agent.repair', repair)).catch(() => undefined);

    await select(screen, second, 'G');
    const text = await screen.see('⛔ QUARANTINED', undefined, 40_000);

    expect(text).toContain('somebody else has changed the password of the live login');
    expect(text.replaceAll(/ \\\n +/g, ' ')).toContain(`sikkerkey agent repair --secret ${second.secretId} --overwrite-foreign-password`);
    expect(screen.brokenRows()).toBe(0);
    await stand.client((client) => client.call('agent.repair', { ...repair, overwriteForeignPassword: true }));
    await screen.see('app_2 is well', (shown) => /^▌✓ +OK +app_2/m.test(shown), 40_000);
  });

  test('without its daemon it says so, since when, and how to bring it back; then it goes on by itself', async () => {
    const screen = await open();
    await screen.see('app_1');

    await stand.daemon.stop('SIGKILL');
    const lost = await screen.see('no daemon is running here');
    await stand.restartDaemon();
    const back = await screen.see('app_1 is well', (text) => /OK +app_1/.test(text) && !text.includes('what is shown is from'), 40_000);

    expect(lost).toMatch(/no daemon is running here; what is shown is from \d\d:\d\d:\d\dZ/);
    expect(lost).toContain('sikkerkey daemon start');
    expect(lost).toMatch(/UNKNOWN +app_1/);
    expect(lost).not.toMatch(/ OK /);
    expect(back).toContain('app_2');
    screen.press('r');
    await screen.see('Rotate app_1 now?');
  });
});
