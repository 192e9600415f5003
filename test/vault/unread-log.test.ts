/** Nobody may stop the vault by not reading its log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { expect, test } from 'vitest';
import { plainRequest } from '../support/signed-request.ts';
import { vaultCommand, vaultProgram } from '../support/vault-process.ts';

/** More lines than any pipe holds. */
const requests = 8_000;
const atOnce = 50;

/** Far above what ending takes; a write that hangs would take for ever. */
const endsWithinMs = 10_000;

test('answers on while its log is full and nobody reads it, and ends when told to', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sikkerkey-vault-log-'));
  const data = join(directory, 'data');
  await vaultCommand(['init', '--data', data, '--json']);
  const words = ['serve', '--data', data, '--listen', 'localhost:0', '--json', '--log-level', 'debug'];
  const child = spawn(process.execPath, [vaultProgram, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env: childEnvironment() });
  const [line] = await once(child.stdout, 'data');
  const { apiUrl } = JSON.parse(String(line)) as { apiUrl: string };

  let answered = 0;
  while (answered < requests) {
    const answers = await Promise.all(Array.from({ length: atOnce }, () => plainRequest(apiUrl, 'GET', '/healthz')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    answered += answers.length;
  }
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const toldAt = systemClock.monotonic();
  child.kill('SIGTERM');
  const patience = new AbortController();
  const impatient = systemClock.sleep(3 * endsWithinMs, patience.signal).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  const [exitCode] = await ended;
  const tookMs = systemClock.monotonic() - toldAt;
  patience.abort();
  await impatient;
  await rm(directory, { recursive: true, force: true });

  expect(exitCode).toBe(0);
  expect(tookMs).toBeLessThan(endsWithinMs);
});
