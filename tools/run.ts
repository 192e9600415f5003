/** Runs a program of the tool chain to its end, either watching its output or showing it as it comes. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './source-files.ts';

export interface Ended {
  /** The exit code; 128 when a signal ended it. */
  readonly code: number;
  /** What it wrote, both streams in their order; empty when the output was shown. */
  readonly output: string;
}

export interface RunOptions {
  readonly show?: boolean;
}

/** The path of a program in node_modules/.bin. */
export function localProgram(name: string): string {
  return join(repositoryRoot, 'node_modules', '.bin', name);
}

/** Rejects only when the program cannot be started. Runs in the root of the repository, without an input. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const show = options.show ?? false;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: repositoryRoot,
      stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    });
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, output: Buffer.concat(chunks).toString() }));
  });
}
