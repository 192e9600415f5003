/**
 * The one owner of this program's terminal: lines to stdout and stderr, what stdin holds, prompts with and without echo,
 * and the signal that interrupts. Text that came from elsewhere is made safe by the caller (`safeText`).
 */
import { endProcess } from '@sikkerkey/host/process-end.ts';

export interface Terminal {
  /** A line on stdout. */
  print(line: string): void;
  /** A line on stderr. */
  complain(line: string): void;
  readonly isInteractive: boolean;
  /** Width of stdout, or null where it is no terminal: lines may then be of any length. */
  readonly columns: number | null;
  /** The same of stderr. */
  readonly complaintColumns: number | null;
  /** Asks on the terminal and answers with the line. `hidden`: nothing is echoed. Rejects when interrupted. */
  ask(question: string, hidden: boolean): Promise<string>;
  /** All that stdin holds, at most `maxBytes`; rejects with a RangeError beyond. */
  readStdin(maxBytes: number): Promise<string>;
  /** Aborts on SIGINT, SIGTERM and SIGHUP, from the first call on. */
  interruption(): AbortSignal;
}

export function openTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader (`| head`) has gone: nothing is left to say, and nobody to say it to.
    endProcess(error.code === 'EPIPE' ? 0 : 1);
  });
  let interruption: AbortController | null = null;
  return {
    print: (line) => {
      process.stdout.write(`${line}\n`);
    },
    complain: (line) => {
      process.stderr.write(`${line}\n`);
    },
    get isInteractive() {
      return process.stdin.isTTY === true && process.stderr.isTTY === true;
    },
    get columns() {
      return widthOf(process.stdout);
    },
    get complaintColumns() {
      return widthOf(process.stderr);
    },
    ask: (question, hidden) => askOnTerminal(question, hidden),
    readStdin: (maxBytes) => readAll(maxBytes),
    interruption: () => {
      interruption ??= abortOnSignals();
      return interruption.signal;
    },
  };
}

/** Some terminals (serial lines, `script`) say 0: then nothing is known. */
function widthOf(stream: NodeJS.WriteStream): number | null {
  return stream.isTTY && stream.columns > 0 ? stream.columns : null;
}

/** What a prompt rejects with after Ctrl-C or Ctrl-D. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

function abortOnSignals(): AbortController {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      controller.abort(new Interrupted());
    });
  }
  return controller;
}

async function readAll(maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new RangeError('too much input');
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

/** Raw mode, so that the terminal echoes nothing; what is visible is echoed here. */
async function askOnTerminal(question: string, hidden: boolean): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  const line = new TypedLine((echo) => {
    if (!hidden) stderr.write(echo);
  });
  try {
    for await (const data of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      for (const character of data) if (line.type(character)) return line.text;
    }
    throw new Interrupted();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

/** The line being typed in raw mode. */
class TypedLine {
  text = '';
  readonly #echo: (text: string) => void;

  constructor(echo: (text: string) => void) {
    this.#echo = echo;
  }

  /** True once the line is complete. Throws Interrupted after Ctrl-C, and after Ctrl-D on an empty line. */
  type(character: string): boolean {
    if (character === '\r' || character === '\n') return true;
    if (character === '\u0003' || (character === '\u0004' && this.text === '')) throw new Interrupted();
    if (character === '\u007f' || character === '\b') this.#rubOut();
    else if (character >= ' ') {
      this.text += character;
      this.#echo(character);
    }
    return false;
  }

  #rubOut(): void {
    if (this.text === '') return;
    this.text = [...this.text].slice(0, -1).join('');
    this.#echo('\b \b');
  }
}
