/** Starts the product's programs as processes of their own for tests, and ends them by their own ids. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { compiledCode } from '../support/compiled-code.ts';
import { LocalClient } from './local-client.ts';

const repository = join(import.meta.dirname, '..', '..');

export interface RunningProgram {
  readonly child: ChildProcess;
  /** What it wrote so far, both streams. */
  output(): string;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

export function startProgram(path: string, words: readonly string[], environment: Record<string, string> = {}): RunningProgram {
  const [command = process.execPath, ...before] = dyingWithUs();
  const child = spawn(command, [...before, join(repository, path), ...words], {
    cwd: repository,
    env: childEnvironment({ ...compiledCode, ...environment }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  const ended = once(child, 'exit').then(([code, signal]) => (signal as string | null) ?? (code as number));
  return {
    child,
    output: () => chunks.join(''),
    ended,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

/** Node, started so that it ends when the test run is killed, where the system has the means. */
function dyingWithUs(): readonly string[] {
  const setpriv = '/usr/bin/setpriv';
  return existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', process.execPath] : [process.execPath];
}

/** Waits until `condition` gives a value; says what it waited for when it does not come. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  withinMs = 15_000,
): Promise<T> {
  const endsAt = systemClock.monotonic() + withinMs;
  let last: unknown;
  while (systemClock.monotonic() < endsAt) {
    try {
      const value = await condition();
      if (value !== null && value !== undefined && value !== false) return value as T;
    } catch (error) {
      last = error;
    }
    await systemClock.sleep(20);
  }
  throw new Error(`did not happen in ${withinMs} ms: ${what}`, { cause: last });
}

/** Throws with all that the program wrote where it ends, or 30 s pass, before it says so. */
async function untilItSays({ child, output }: RunningProgram, words: string): Promise<void> {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const endsAt = systemClock.monotonic() + 30_000;
  while (!output().includes(words) && !isOver() && systemClock.monotonic() < endsAt) await systemClock.sleep(20);
  if (!output().includes(words)) throw new Error(`the program did not say ${words}, but: ${output()}`);
}

export interface RunningVault extends RunningProgram {
  readonly apiUrl: string;
  readonly vaultId: string;
  readonly operatorId: string;
  readonly operatorKey: string;
}

export interface VaultPlace {
  readonly directory: string;
  readonly port: number;
}

/** Initialises a vault once for a place, and serves it. */
export async function startVault(place: VaultPlace): Promise<RunningVault> {
  const data = join(place.directory, 'vault');
  const keyFile = join(place.directory, 'unseal.key');
  const operatorFile = join(place.directory, 'operator.key');
  const made = join(place.directory, 'init.json');
  const known = await readFile(made, 'utf8').catch(() => null);
  const init = known ?? (await initVault(data, keyFile, operatorFile, made));
  const { vaultId, operatorId } = JSON.parse(init) as { vaultId: string; operatorId: string };
  const apiUrl = `http://localhost:${place.port}`;
  const words = ['serve', '--data', data, '--listen', `localhost:${place.port}`, '--auto-unseal-file', keyFile, '--json'];
  const program = startProgram('apps/vault-server/main.ts', words);
  await untilItSays(program, '"event":"ready"');
  return { ...program, apiUrl, vaultId, operatorId, operatorKey: (await readFile(operatorFile, 'utf8')).trim() };
}

async function initVault(data: string, keyFile: string, operatorFile: string, made: string): Promise<string> {
  const words = ['init', '--data', data, '--key-file', keyFile, '--operator-key-file', operatorFile, '--json'];
  const program = startProgram('apps/vault-server/main.ts', words);
  const code = await program.ended;
  if (code !== 0) throw new Error(`vault init ended with ${code}: ${program.output()}`);
  const { writeFile } = await import('node:fs/promises');
  await writeFile(made, program.output());
  return program.output();
}

export interface RunningDaemon extends RunningProgram {
  readonly socket: string;
  readonly home: string;
}

/** Starts a daemon and waits for its socket to answer. */
export async function startDaemon(home: string, environment: Record<string, string> = {}): Promise<RunningDaemon> {
  const program = startProgram('daemon/main.ts', ['--home', home, '--foreground'], environment);
  const { socket } = homeOf({ ...emptyEnvironment, home });
  await untilItSays(program, 'daemon-started');
  return { ...program, socket, home };
}

export async function withClient<T>(socket: string, work: (client: LocalClient) => Promise<T>): Promise<T> {
  const client = await LocalClient.open(socket);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

const emptyEnvironment = {
  home: undefined,
  vault: undefined,
  identity: undefined,
  apiUrl: undefined,
  noColor: true,
  dumbTerminal: false,
  userHome: undefined,
  runtimeDirectory: undefined,
  continuousIntegration: false,
  failpoint: undefined,
} as const;
