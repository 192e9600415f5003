/** Runs the demo as a process with a temporary directory of its own, so that a test can see what it leaves behind. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '@sikkerkey/host/environment.ts';

const mainFile = fileURLToPath(new URL('../../apps/demo/main.ts', import.meta.url));

export interface EndedDemo {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly complaints: string;
}

export interface RunningDemo extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<EndedDemo>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when a line with this text was printed; rejects when the demo ends without. */
  untilLine(text: string): Promise<void>;
  /** Files in its temporary directory, and processes that were started with it. */
  leftovers(): Promise<string[]>;
}

export async function startDemo(args: readonly string[]): Promise<RunningDemo> {
  const directory = await mkdtemp(join(tmpdir(), 'sk-demotest-'));
  // The database server runs as another user when we are root, and must be able to pass.
  await chmod(directory, 0o711);
  const child = spawn(process.execPath, [mainFile, ...args], {
    env: childEnvironment({ HOME: directory, TMPDIR: directory }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let complaints = '';
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    tell();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8');
  });
  const ended = new Promise<EndedDemo>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal, lines: text.trimEnd().split('\n'), complaints });
      tell();
    });
  });
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (name) => void child.kill(name),
    untilLine: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (text.includes(wanted)) resolve();
          else if (child.exitCode === null && child.signalCode === null) return;
          else reject(new Error(`the demo ended without saying “${wanted}”: ${text}${complaints}`));
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    leftovers: async () => [...(await readdir(directory)), ...(await processesOf(directory))],
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Command lines of the processes whose environment names the directory. */
async function processesOf(directory: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    ids.map(async (id) => {
      const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
      if (!environment.includes(`TMPDIR=${directory}`)) return [];
      return [await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => 'ended meanwhile')];
    }),
  );
  return found.flat();
}
