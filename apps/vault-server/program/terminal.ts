/** The one owner of this program's terminal: what it prints, what it complains of, and the key that it is given. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { SecretText } from '@sikkerkey/core/secret-text.ts';

export interface Terminal {
  print(text: string): void;
  complain(text: string): void;
  /** Widths of stdout and stderr, or null where they are no terminals. */
  readonly columns: number | null;
  readonly complaintColumns: number | null;
  /** Whether a person can be asked. */
  readonly isInteractive: boolean;
  /** One line from a prompt without echo, or from standard input where that is no terminal. Empty when there is none. */
  readSecret(question: string): Promise<SecretText>;
  /** Writing to standard error never waits from now on; a reader that stalls cannot keep this process from ending. */
  neverWaitForReaders(): void;
  /** Aborted by SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
}

export function openTerminal(): Terminal {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort(signal));
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    complain: (text) => void process.stderr.write(`${text}\n`),
    get columns() {
      return widthOf(process.stdout);
    },
    get complaintColumns() {
      return widthOf(process.stderr);
    },
    get isInteractive() {
      return process.stdin.isTTY === true;
    },
    readSecret: (question) => readLineWithoutEcho(question),
    neverWaitForReaders: () => unblock(process.stderr),
    interrupted: interruption.signal,
  };
}

/** Some terminals say 0: then nothing is known. */
function widthOf(stream: NodeJS.WriteStream): number | null {
  return stream.isTTY && stream.columns > 0 ? stream.columns : null;
}

/**
 * A write into a full pipe would hold a thread that the process has to wait for at its end. Node offers this only on the
 * stream's handle; a regular file has none and needs none. Node puts the descriptor back as it was when it exits.
 */
function unblock(stream: NodeJS.WriteStream): void {
  const handle: unknown = Reflect.get(stream, '_handle');
  if (typeof handle !== 'object' || handle === null) return;
  const setBlocking: unknown = Reflect.get(handle, 'setBlocking');
  if (typeof setBlocking === 'function') Reflect.apply(setBlocking, handle, [false]);
}

function readLineWithoutEcho(question: string): Promise<SecretText> {
  const interactive = process.stdin.isTTY;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: interactive });
  if (interactive) process.stderr.write(question);
  return new Promise((resolve) => {
    let answer = '';
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (interactive) process.stderr.write('\n');
      resolve(new SecretText(answer));
    });
  });
}
