/** Runs the front ends as a user does: as processes, on a home with a fake daemon or without one. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { runInForeground } from '@sikkerkey/host/foreground-program.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { compiledCode } from '@sikkerkey/test/support/compiled-code.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { FakeDaemon } from '@sikkerkey/test/support/fake-daemon.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = join(import.meta.dirname, '..', '..');

/** A private home below the temporary directory. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'sk-'));
  await mkdir(join(home, 'daemon', 'socket'), { recursive: true, mode: 0o700 });
  return home;
}

export async function removeHome(home: string): Promise<void> {
  await rm(home, { recursive: true, force: true });
}

/** A fake daemon that listens, with one vault and one well agent. */
export async function startFakeDaemon(home: string): Promise<FakeDaemon> {
  const now = systemClock.now();
  const daemon = new FakeDaemon(home, now);
  daemon.putVault(makeVaultFact());
  daemon.putAgent(makeAgentFact(now));
  await daemon.listen();
  return daemon;
}

export interface RunOptions {
  readonly input?: string;
  /** Sends SIGINT as soon as stdout or stderr contains this text. */
  readonly interruptAfter?: string;
}

export interface BuiltCli {
  /** The file that Node runs. */
  readonly program: string;
  run(home: string, args: readonly string[], options?: RunOptions): Promise<Ended>;
  remove(): Promise<void>;
}

/** The CLI as one file, as it is shipped: dozens of starts from source would take minutes. */
export async function buildCli(): Promise<BuiltCli> {
  const directory = await mkdtemp(join(tmpdir(), 'sk-cli-'));
  const bundle = join(directory, 'sikkerkey.cjs');
  const esbuild = join(root, 'node_modules', 'esbuild', 'bin', 'esbuild');
  const options = ['--bundle', '--platform=node', '--format=cjs', '--target=node24', '--log-level=error'];
  const code = await runInForeground(process.execPath, [esbuild, join(root, 'apps/cli/main.ts'), `--outfile=${bundle}`, ...options], {});
  if (code !== 0) throw new Error('the CLI could not be bundled');
  return {
    program: bundle,
    run: (home, args, run = {}) => runProgram(bundle, home, args, run),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The CLI from source. */
export function runCli(home: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return runProgram(join(root, 'apps/cli/main.ts'), home, args, options);
}

export function runConsole(home: string, args: readonly string[]): Promise<Ended> {
  return runProgram(join(root, 'apps/tui/run.ts'), home, args, {});
}

async function runProgram(entry: string, home: string, args: readonly string[], { input, interruptAfter }: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, [entry, ...args], {
    env: childEnvironment({ ...compiledCode, SIKKERKEY_HOME: home }),
    stdio: 'pipe',
  });
  const said = { stdout: '', stderr: '' };
  let isInterrupted = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      if (interruptAfter === undefined || isInterrupted || !(said.stdout + said.stderr).includes(interruptAfter)) return;
      isInterrupted = true;
      child.kill('SIGINT');
    });
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, ...said };
}
