/** The one owner of this program's terminal: size, plain lines, and giving it back on suspend, signals and crashes. */
import { endProcess } from '@sikkerkey/host/process-end.ts';
import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import { restMs, type TerminalSize } from './frame/use-terminal-size.ts';

export const terminalSize: TerminalSize = {
  current: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }),
  onResize: (listener) => {
    process.stdout.on('resize', listener);
    return () => {
      process.stdout.off('resize', listener);
    };
  },
};

export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/** All of it, whatever stands there; the cursor goes to the first cell. */
export function eraseScreen(): void {
  process.stdout.write('\u001b[2J\u001b[H');
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The reader of a pipe (`| head`) may go before everything was said; then nothing is left to do. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    endProcess(error.code === 'EPIPE' ? 0 : 1);
  });
}

export function complainLine(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Longer than a stop takes to arrive; where it is not allowed (no shell to come back to) the console goes on after it. */
const stopArrivesWithinMs = 300;

/**
 * Gives the terminal back, stops the whole foreground job as ^Z does (the command that started us too), and takes the
 * terminal again when it is continued.
 */
export async function suspendUntilContinued(release: () => Promise<{ resume: () => Promise<void> }>, clock: Timekeeper): Promise<void> {
  const suspension = await release();
  const listeners = process.listeners('SIGTSTP');
  process.removeAllListeners('SIGTSTP');
  try {
    const continued = new Promise<void>((resolve) => {
      process.once('SIGCONT', () => {
        resolve();
      });
    });
    process.kill(0, 'SIGTSTP');
    await Promise.race([continued, clock.sleep(stopArrivesWithinMs)]);
  } finally {
    for (const listener of listeners) process.on('SIGTSTP', listener);
    await followSize(clock);
    await suspension.resume();
  }
}

/**
 * A window that was changed while we were stopped told nobody: the system tells the foreground only. So that the first
 * frame has the size of now, it is looked up and drawn for before the terminal is taken again.
 */
async function followSize(clock: Timekeeper): Promise<void> {
  const before = terminalSize.current();
  await new Promise<void>((resolve) => {
    process.once('SIGWINCH', () => {
      resolve();
    });
    process.kill(process.pid, 'SIGWINCH');
  });
  const { columns, rows } = terminalSize.current();
  // Twice: the change comes to rest, and is rendered.
  if (columns !== before.columns || rows !== before.rows) await clock.sleep(2 * restMs);
}

/** `leave` restores the terminal; it runs before the process ends for a signal or a fault of ours. */
export function restoreOnEnd(leave: () => void, describeFault: (error: unknown) => readonly string[]): void {
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGHUP', 1],
    ['SIGINT', 2],
  ] as const) {
    process.once(signal, () => {
      leave();
      endProcess(128 + number);
    });
  }
  const onFault = (error: unknown): void => {
    leave();
    for (const line of describeFault(error)) complainLine(line);
    endProcess(1);
  };
  process.once('uncaughtException', onFault);
  process.once('unhandledRejection', onFault);
}

/** Another program stops us (`kill -TSTP`): the terminal is given back first. Returns what removes the listener. */
export function onStopRequest(listener: () => void): () => void {
  process.on('SIGTSTP', listener);
  return () => {
    process.off('SIGTSTP', listener);
  };
}
