/** Keys are out before there is a vault to lose them for, and every path that cannot be used is said in the catalogue's words. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { maxSocketPathBytes } from '@sikkerkey/vault-server/control/control-protocol.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CommandResult, vaultCommand, vaultProgram } from '../support/vault-process.ts';

let directory: string;
let data: string;
let count = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-init-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(() => {
  count += 1;
  data = join(directory, `v${count}`);
});

const init = (...words: string[]) => vaultCommand(['init', '--data', data, ...words]);
const serve = (...words: string[]) => vaultCommand(['serve', '--data', data, '--listen', 'localhost:0', ...words]);

function expectRefusal({ exitCode, stderr }: CommandResult, code: string, exit: number): void {
  expect(stderr).toContain(`(${code})`);
  expect(stderr).toContain('next step:     sikkerkey-vault');
  expect(stderr).not.toMatch(/unexpected failure|^ {4}at /m);
  expect(exitCode).toBe(exit);
}

describe('a vault whose keys cannot be handed out', () => {
  test.each([
    ['the unseal key', ['--key-file', 'nowhere/unseal.key'], []],
    ["the operator's key, after the unseal key", ['--key-file', 'one.key', '--operator-key-file', 'nowhere/op.key'], ['one.key']],
    ['both keys in one file', ['--key-file', 'same.key', '--operator-key-file', 'same.key'], ['same.key']],
  ])('is not made: %s', async (_name, words, gone) => {
    const inDirectory = words.map((word) => (word.startsWith('--') ? word : join(directory, word)));
    const refused = await init(...inDirectory);
    const again = await init('--json');

    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/vault-path-unusable|vault-key-file-exists/);
    for (const file of gone) expect(existsSync(join(directory, file))).toBe(false);
    expect(again.exitCode).toBe(0);
  });

  test.skipIf(!existsSync('/dev/full'))('is not made when standard output takes nothing, and takes its key file back', async () => {
    const keyFile = join(directory, 'taken-back.key');
    const child = spawn(process.execPath, [vaultProgram, 'init', '--data', data, '--key-file', keyFile], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      env: childEnvironment(),
    });
    const [stderr, [exitCode]] = await Promise.all([textOf(child.stderr ?? []), once(child, 'exit')]);

    expect(stderr).toContain('(vault-output-lost)');
    expect(exitCode).toBe(1);
    expect(existsSync(keyFile)).toBe(false);
    expect((await init('--json')).exitCode).toBe(0);
  });

  test('never overwrites a key, nor touches the files of a vault that is there', async () => {
    const keyFile = join(directory, 'of-another-vault.key');
    await writeFile(keyFile, 'the only one\n', { mode: 0o600 });

    expectRefusal(await init('--key-file', keyFile), 'vault-key-file-exists', 7);
    expect((await init('--json')).exitCode).toBe(0);
    expectRefusal(await init('--key-file', join(directory, 'late.key')), 'vault-exists', 7);

    expect(await readFile(keyFile, 'utf8')).toBe('the only one\n');
    expect(existsSync(join(directory, 'late.key'))).toBe(false);
  });
});

describe('a path that cannot be used', () => {
  test('a data directory too long for its control socket is refused before anything is made', async () => {
    data = join(directory, 'd'.repeat(100));

    for (const refused of [await init(), await serve(), await vaultCommand(['status', '--data', data])]) {
      expectRefusal(refused, 'vault-path-too-long', 2);
    }
    expect(existsSync(data)).toBe(false);
  });

  test('a data directory whose control socket has just room is served and asked', async () => {
    data = join(directory, 'd'.repeat(maxSocketPathBytes - Buffer.byteLength(join(directory, '/control.sock')) - 1));
    expect(Buffer.byteLength(join(data, 'control.sock'))).toBe(maxSocketPathBytes);
    expect((await init('--json')).exitCode).toBe(0);
    const child = spawn(process.execPath, [vaultProgram, 'serve', '--data', data, '--listen', 'localhost:0', '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: childEnvironment(),
    });
    await once(child.stdout ?? child, 'data');

    const { exitCode, stdout } = await vaultCommand(['status', '--data', data, '--json']);
    child.kill('SIGTERM');
    await once(child, 'exit');

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ sealed: true, processId: child.pid });
    data = `${data}d`;
    expectRefusal(await init(), 'vault-path-too-long', 2);
  });

  test('a data directory that is a file, below a file, or open to others', async () => {
    await writeFile(data, '');
    expectRefusal(await init(), 'vault-path-unsafe', 4);
    data = join(data, 'below');
    expectRefusal(await init(), 'vault-path-unusable', 2);
    data = join(directory, 'open');
    await mkdir(data, { mode: 0o755 });
    await chmod(data, 0o755);
    expectRefusal(await init(), 'vault-path-unsafe', 4);
  });

  test.each([
    ['vault.db', 'a link'],
    ['vault.db', 'a directory'],
    ['vault.db.lock', 'a link'],
    ['vault.db.lock', 'a directory'],
    ['audit-checkpoints', 'a link'],
    ['audit-checkpoints', 'a directory'],
  ])('%s that is %s', async (name, what) => {
    const elsewhere = join(directory, `elsewhere-${count}`);
    await mkdir(data, { mode: 0o700 });
    await writeFile(elsewhere, 'untouched');
    if (what === 'a link') await symlink(elsewhere, join(data, name));
    else await mkdir(join(data, name));

    expectRefusal(await init(), 'vault-path-unsafe', 4);
    expect(await readFile(elsewhere, 'utf8')).toBe('untouched');
    await rm(join(data, name), { recursive: true });
    expect((await init('--json')).exitCode).toBe(0);
  });

  test.each(['vault.db', 'vault.db.lock'])('%s that is no database', async (name) => {
    await mkdir(data, { mode: 0o700 });
    await writeFile(join(data, name), Buffer.alloc(5_000, 7), { mode: 0o600 });

    expectRefusal(await init(), 'vault-store-damaged', 1);
  });

  test('a key file that is not there, is open to others, or holds no key, whoever asks for it', async () => {
    const keyFile = join(directory, `unseal-${count}.key`);
    expect((await init('--key-file', keyFile)).exitCode).toBe(0);
    const missing = join(directory, 'none.key');

    expectRefusal(await serve('--auto-unseal-file', missing), 'vault-path-unusable', 2);
    expectRefusal(await vaultCommand(['unseal', '--data', data, '--key-file', missing]), 'vault-path-unusable', 2);
    expectRefusal(await vaultCommand(['audit', 'verify', '--data', data, '--key-file', missing]), 'vault-path-unusable', 2);
    await chmod(keyFile, 0o644);
    expectRefusal(await serve('--auto-unseal-file', keyFile), 'vault-path-unsafe', 4);
    await chmod(keyFile, 0o600);
    await symlink(keyFile, missing);
    expectRefusal(await serve('--auto-unseal-file', missing), 'vault-path-unsafe', 4);
  });
});

async function textOf(stream: AsyncIterable<Buffer> | readonly Buffer[]): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
