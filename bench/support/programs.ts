/** The shipped programs, built afresh into a temporary directory, and how benches start and stop them. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { buildCommands } from '../../tools/build-steps/build-all.ts';

/** Closed in the reverse order of their making. */
export class Workplace implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sikkerkey-bench-'));
  readonly #closers: (() => Promise<void>)[] = [];

  atEnd(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface BuiltPrograms {
  /** Path of a launcher, to be run by Node. */
  command(name: 'sikkerkey' | 'sikkerkeyd' | 'sikkerkey-vault'): string;
}

export async function buildForBench(workplace: Workplace): Promise<BuiltPrograms> {
  const directory = join(workplace.directory, 'dist');
  await buildCommands(directory);
  return { command: (name) => join(directory, 'bin', name) };
}

export interface Running {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Resolves the start when a line of standard output satisfies it; without it, at once. */
  readonly isReady?: (line: string) => boolean;
  readonly readyWithinMs?: number;
}

/** Throws with what the program wrote when it ends, or says nothing in time. */
export async function startProgram(workplace: Workplace, args: readonly string[], options: StartOptions = {}): Promise<Running> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: childEnvironment(options.environment ?? {}) });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const inTime = await Promise.race([ended.then(() => true), systemClock.sleep(5000).then(() => false)]);
    if (!inTime) child.kill('SIGKILL');
    await ended;
  };
  workplace.atEnd(stop);
  if (options.isReady !== undefined) await waitForLine(child, options.isReady, options.readyWithinMs ?? 15_000, said);
  else child.stdout.resume();
  return { pid: child.pid ?? 0, stop };
}

async function waitForLine(
  child: ChildProcessByStdio<null, Readable, Readable>,
  isReady: (line: string) => boolean,
  withinMs: number,
  said: readonly string[],
): Promise<void> {
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (isReady(line)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the program ended with ${code} before it was ready: ${said.join('')}`)));
  });
  const late = systemClock.sleep(withinMs).then(() => {
    throw new Error(`the program was not ready within ${withinMs} ms: ${said.join('')}`);
  });
  await Promise.race([ready, late]);
}

/** Runs a program to its end. Throws with its words unless it ends with 0. */
export async function runProgram(
  args: readonly string[],
  options: { readonly environment?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<string> {
  const child = spawn(process.execPath, [...args], { stdio: ['pipe', 'pipe', 'pipe'], env: childEnvironment(options.environment ?? {}) });
  const output: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0)
    throw new Error(
      `a program ended with ${code}: ${Buffer.concat([...said, ...output])
        .toString()
        .slice(0, 2000)}`,
    );
  return Buffer.concat(output).toString();
}
