/** The one owner of this program's terminal: what it prints, what it complains of, and the key that it is given. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface Terminal {
  /** Resolves when the system has taken the text. Throws `vault-output-lost`. */
  print(text: string): Promise<void>;
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
  // Each print hears of its own failure; without a listener the stream would end the process first.
  process.stdout.on('error', () => undefined);
  return {
    print: (text) => printed(text),
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

function printed(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(new CatalogueError('vault-output-lost', { systemCode: systemCodeOf(error) }, { cause: error }));
    });
  });
}

function systemCodeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
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
