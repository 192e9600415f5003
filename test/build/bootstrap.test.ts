import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../tools/source-files.ts';

const bootstrap = (...args: string[]) =>
  spawnSync(process.execPath, [join(repositoryRoot, 'tools/bootstrap.mjs'), ...args], {
    cwd: '/',
    env: childEnvironment(),
    encoding: 'utf8',
    timeout: 60_000,
  });

test('refuses a command that it does not know, with those that it knows', () => {
  const ended = bootstrap('dance');

  expect(ended.status).toBe(1);
  expect(ended.stderr).toBe('error: usage: node tools/bootstrap.mjs demo|test|check|build|docs|bench [arguments]\n');
});

test('passes arguments on and exit codes back, from any directory, and says nothing when all is installed', () => {
  const ended = bootstrap('bench', 'no-such-bench', '--quick');

  expect(ended.stderr).toBe('');
  expect(ended.stdout).toContain('usage: npm run bench -- NAME [--quick]');
  expect(ended.status).toBe(2);
});
