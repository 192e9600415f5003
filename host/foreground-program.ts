/** Runs a program in our place on the same terminal, hands it our signals, and answers with its exit code. */
import { spawn } from 'node:child_process';
import { childEnvironment } from './environment.ts';
import { systemClock } from './system-clock.ts';

const passedOn = ['SIGTERM', 'SIGHUP'] as const;
/** The terminal sends these to the whole foreground group; the child decides what they mean. */
const leftToChild = ['SIGINT', 'SIGQUIT'] as const;
/**
 * The whole group is told to stop at once, but the shell takes the terminal as soon as we, its own child, have stopped:
 * until then a program that draws must have given it back.
 */
const givesTerminalBackWithinMs = 250;

/** Resolves with its exit code, 128 and the number when a signal ended it. Rejects when it cannot be started. */
export async function runInForeground(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(file, [...args], { stdio: 'inherit', env: childEnvironment(environment) });
  const passOn = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const ignore = (): void => undefined;
  for (const signal of passedOn) process.on(signal, passOn);
  for (const signal of leftToChild) process.on(signal, ignore);
  const stopFollowing = stopAfterChild();
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve(code ?? 128 + signalNumber(signal));
      });
    });
  } finally {
    for (const signal of passedOn) process.off(signal, passOn);
    for (const signal of leftToChild) process.off(signal, ignore);
    stopFollowing();
  }
}

/** Stops this process some time after it was told to; it is told again when the child has nothing more to do. */
function stopAfterChild(): () => void {
  let wait: AbortController | null = null;
  const stop = (): void => {
    wait = null;
    process.off('SIGTSTP', onStop);
    process.kill(process.pid, 'SIGTSTP');
    // Continued, or not allowed to stop where there is no shell.
    process.on('SIGTSTP', onStop);
  };
  const onStop = (): void => {
    if (wait !== null) {
      wait.abort();
      return;
    }
    wait = new AbortController();
    systemClock.sleep(givesTerminalBackWithinMs, wait.signal).then(stop, stop);
  };
  process.on('SIGTSTP', onStop);
  return () => {
    process.off('SIGTSTP', onStop);
  };
}

function signalNumber(signal: NodeJS.Signals | null): number {
  switch (signal) {
    case 'SIGHUP':
      return 1;
    case 'SIGINT':
      return 2;
    case 'SIGKILL':
      return 9;
    default:
      return 15;
  }
}
