import { spawn } from 'node:child_process';
import { access, chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { expect, it } from 'vitest';

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Running, and not only waiting to be collected. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) [ZX] /.test(status);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 30_000;
  while (!(await condition())) {
    if (systemClock.monotonic() > deadline) throw new Error('the condition was not met in time');
    await systemClock.sleep(20);
  }
}

const module = join(import.meta.dirname, '..', '..', 'local-servers', 'postgresql', 'start.ts');

it('leaves no process and no file behind after stop', async () => {
  const server = await startPostgresql();

  await server.stop();

  expect(await isAlive(server.pid)).toBe(false);
  expect(await isThere(dirname(server.dataDirectory))).toBe(false);
});

it('stops the server and removes its directory when the process that started it is killed', async () => {
  const script = `const s = await (await import(${JSON.stringify(module)})).startPostgresql(); console.log(JSON.stringify([s.pid, s.dataDirectory]));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) => {
    parent.stdout.once('data', (data: Buffer) => resolve(data.toString('utf8')));
  });
  const [pid, dataDirectory] = JSON.parse(line) as [number, string];
  expect(await isAlive(pid)).toBe(true);

  parent.kill('SIGKILL');

  await until(async () => !(await isAlive(pid)));
  await until(async () => !(await isThere(dirname(dataDirectory))));
});

it('leaves nothing behind when it is killed while the cluster is being made', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'sk-tmp-'));
  await chmod(temporary, 0o755);
  const script = `await (await import(${JSON.stringify(module)})).startPostgresql();`;
  const environment = { ...childEnvironment(), TMPDIR: temporary };
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore', env: environment });
  await until(async () => {
    const [base] = await readdir(temporary);
    return base !== undefined && (await isThere(join(temporary, base, 'data', 'base')));
  });

  parent.kill('SIGKILL');

  await until(async () => (await readdir(temporary)).length === 0);
  await rm(temporary, { recursive: true });
});

it('starts again on a kept data directory after a crash, with the same password', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'sk-kept-'));
  const dataDirectory = join(parent, 'data');
  const first = await startPostgresql({ dataDirectory });
  await first.crash();

  const second = await startPostgresql({ dataDirectory, port: first.port });
  const client = new pg.Client({
    host: second.host,
    port: second.port,
    user: 'postgres',
    password: first.password.reveal(),
    database: 'postgres',
  });
  await client.connect();
  const answer = await client.query<{ one: number }>('SELECT 1 AS one');
  await client.end();
  await second.stop();
  await rm(parent, { recursive: true });

  expect(answer.rows).toEqual([{ one: 1 }]);
});

it('says what the server said when it does not start', async () => {
  await expect(startPostgresql({ settings: { no_such_setting: '1' } })).rejects.toThrow(/unrecognized configuration parameter/);
});
