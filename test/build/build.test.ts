import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildAll } from '../../tools/build-steps/build-all.ts';
import { localProgram } from '../../tools/run.ts';
import { repositoryRoot } from '../../tools/source-files.ts';

const directory = mkdtempSync(join(tmpdir(), 'sikkerkey-build-'));
const dist = join(directory, 'dist');
const launcher = (name: string): string => join(dist, 'bin', name);

function runNode(...args: string[]) {
  const env = childEnvironment({ SIKKERKEY_HOME: join(directory, 'home') });
  return spawnSync(process.execPath, args, { cwd: directory, env, encoding: 'utf8', timeout: 30_000 });
}

beforeAll(() => buildAll(dist));
// What lies around the build must not matter: here, a project of ES modules.
writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each(['sikkerkey', 'sikkerkeyd', 'sikkerkey-vault'])('%s starts outside of the repository and says its version', (name) => {
  const ended = runNode(launcher(name), '--version');

  expect(ended.stderr).toBe('');
  expect(ended.stdout).toMatch(/\d+\.\d+\.\d+/);
  expect(ended.status).toBe(0);
});

test('the vault of the bundle makes a store with its native module', () => {
  const ended = runNode(launcher('sikkerkey-vault'), 'init', '--data', join(directory, 'vault'), '--json');

  expect(ended.stderr).toBe('');
  expect(JSON.parse(ended.stdout)).toHaveProperty('vaultId');
});

test('the console of the bundle prints its table once where there is no terminal', () => {
  const ended = runNode(join(dist, 'sikkerkey-tui.mjs'));

  expect(ended.stderr).not.toMatch(/Error:|at .*\.mjs:\d+/);
});

test.each(['sikkerkey', 'sikkerkeyd', 'sikkerkey-vault'])('%s refuses a Node that is too old before it loads anything', (name) => {
  const pretend = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });";

  const ended = runNode('-e', `${pretend} require(${JSON.stringify(launcher(name))})`);

  expect(ended.status).toBe(1);
  expect(ended.stderr).toContain(`error: ${name} needs Node 24.15 or newer`);
  expect(ended.stderr).toContain('https://nodejs.org');
});

test('a launcher leaves the home of the product alone where there is none', () => {
  runNode(launcher('sikkerkey'), '--version');

  expect(existsSync(join(directory, 'home'))).toBe(false);
});

test('the library is usable with its types, without this repository', () => {
  const user = join(directory, 'user.ts');
  writeFileSync(
    user,
    "import { createRotatingPool, SikkerKey } from './dist/sdk/index.js';\nexport const key: () => SikkerKey = () => new SikkerKey();\nexport const pool: typeof createRotatingPool = createRotatingPool;\n",
  );
  writeFileSync(join(dist, 'sdk', 'index.d.ts'), "export * from './types/sdk/index.js';\n");
  const settings = ['--strict', '--noEmit', '--module', 'nodenext', '--skipLibCheck', '--ignoreConfig'];
  const types = ['--typeRoots', join(repositoryRoot, 'node_modules', '@types'), '--types', 'node'];

  const checked = spawnSync(localProgram('tsc'), [...settings, ...types, user], { cwd: directory, encoding: 'utf8' });
  const loaded = runNode(
    '--input-type=module',
    '-e',
    `const m = await import(${JSON.stringify(join(dist, 'sdk', 'index.js'))}); process.stdout.write(typeof m.SikkerKey)`,
  );

  expect(checked.stdout).toBe('');
  expect(loaded.stdout).toBe('function');
});
