/** The vault's own time on real processes: a drain lasts while the vault can be heard, and no second of a silence counts. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import { machineClient } from './login-meter.ts';
import { Stand } from './stand.ts';

const run = promisify(execFile);
const drainMs = 8_000;
/** Longer than the drain, and than any tick is late by itself. */
const silenceMs = 13_000;

let stand: Stand | null = null;
afterEach(async () => {
  await stand?.close();
  stand = null;
});

/** A process that read version 2 and holds on, while version 3 is live. Resolves with how its login fares. */
async function holdingOn(): Promise<{ readonly stand: Stand; login(): Promise<string>; close(): Promise<void> }> {
  const opened = await Stand.open({ drainDeadlineMs: drainMs });
  stand = opened;
  const { secretId } = await opened.adopted();
  const client = await machineClient(opened);
  const { value } = await client.machine('readSecret', { secretId, instance: 'app-1', pool: 'main' });
  const { username, password } = JSON.parse(value) as { username: string; password: string };
  const { host, port, database } = opened.postgresql;
  const login = async (): Promise<string> => {
    const connection = new pg.Client({ host, port, database, user: username, password });
    try {
      await connection.connect();
      return 'logs in';
    } catch (error) {
      return error instanceof pg.DatabaseError ? (error.code ?? 'no code') : 'no answer';
    } finally {
      await connection.end().catch(() => undefined);
    }
  };
  const { rotationId } = await opened.client((local) => local.call('agent.rotate', { secretId }));
  await eventually('the rotation is promoted', async () => {
    const { rotations } = await opened.operator('listRotations', { secretId });
    return rotations.find((rotation) => rotation.rotationId === rotationId)?.state === 'promoted';
  });
  return { stand: opened, login, close: () => client.close() };
}

async function expectWholeDrainAgain(login: () => Promise<string>): Promise<void> {
  const endedAt = systemClock.monotonic();
  while (systemClock.monotonic() - endedAt < drainMs - 3_000) {
    expect(await login()).toBe('logs in');
    await systemClock.sleep(200);
  }
  await eventually('the old login is retired in the end', async () => (await login()) !== 'logs in', 60_000);
}

test('an application whose vault stood still for longer than the drain logs in afterwards', { timeout: 120_000 }, async () => {
  const {
    stand: { vault },
    login,
    close,
  } = await holdingOn();

  vault.child.kill('SIGSTOP');
  await systemClock.sleep(silenceMs);
  vault.child.kill('SIGCONT');

  await expectWholeDrainAgain(login);
  await close();
});

test.skipIf(!canLimit())(
  'an application whose vault could not write for longer than the drain logs in afterwards',
  { timeout: 120_000 },
  async () => {
    const {
      stand: { vault },
      login,
      close,
    } = await holdingOn();
    const limitFiles = (bytes: number | 'unlimited') => run('prlimit', [`--pid=${vault.child.pid}`, `--fsize=${bytes}:`]);

    await limitFiles(4_096);
    await systemClock.sleep(silenceMs);
    await limitFiles('unlimited');

    await expectWholeDrainAgain(login);
    await close();
  },
);

function canLimit(): boolean {
  try {
    execFileSync('prlimit', ['--version']);
    return true;
  } catch {
    return false;
  }
}
