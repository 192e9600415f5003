/** Starts a program that outlives this one (the daemon in user mode): own session, no terminal, no inherited descriptors. */
import { spawn } from 'node:child_process';
import { childEnvironment } from './environment.ts';

export interface DetachedProgram {
  readonly pid: number;
  /** The exit code once it has ended (null when a signal ended it), undefined while it runs. */
  exitCode(): number | null | undefined;
  /** Lets this process end while the program goes on. */
  release(): void;
}

/** Rejects with the system's error when the program cannot be started (ENOENT, EACCES). */
export async function startDetached(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<DetachedProgram> {
  const child = spawn(file, [...args], { detached: true, stdio: 'ignore', env: childEnvironment(environment) });
  let ended: number | null | undefined;
  child.once('exit', (code) => {
    ended = code;
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return {
    pid: child.pid ?? 0,
    exitCode: () => ended,
    release: () => {
      child.unref();
    },
  };
}
