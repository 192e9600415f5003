/**
 * One process of the demo: started in its own group (Ctrl-C in the terminal is the demo's alone to handle), its output
 * read line by line, ended in order and, if it will not, for good.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';

export interface ProgramOptions {
  /** As it is called in messages. */
  readonly name: string;
  /** The file that Node runs, and its arguments: never a secret. */
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine?: ((line: string) => void) | undefined;
  /** Given to the program on standard input, which is then closed. Otherwise it stays open until the end. */
  readonly input?: string | undefined;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const keptLines = 20;
const graceMs = 4000;

export class ChildProgram {
  readonly name: string;
  readonly ended: Promise<ProgramEnd>;
  readonly #child: ChildProcess;
  readonly #lastErrors: string[] = [];
  #isOver = false;
  #isStopping = false;

  constructor(options: ProgramOptions) {
    this.name = options.name;
    this.#child = spawn(process.execPath, [options.file, ...options.args], {
      detached: true,
      env: childEnvironment({ ...options.environment }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdin, stdout, stderr } = this.#child;
    // A program that ends before it has read its input is heard of by its exit code.
    stdin?.on('error', () => undefined);
    if (options.input !== undefined) stdin?.end(options.input);
    if (stdout !== null) createInterface({ input: stdout }).on('line', options.onLine ?? (() => undefined));
    if (stderr !== null) createInterface({ input: stderr }).on('line', (line) => this.#keep(line));
    this.ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve({ code: null, signal: null }));
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    }).then((end) => {
      this.#isOver = true;
      return end as ProgramEnd;
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Whether it ended although nobody asked it to. */
  get failed(): boolean {
    return this.#isOver && !this.#isStopping;
  }

  /** The end of what it said on standard error. */
  get complaints(): readonly string[] {
    return this.#lastErrors;
  }

  /** Asks it to end, and ends it if it has not within a few seconds. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#isOver) return;
    this.#signal('SIGTERM');
    const gone = new AbortController();
    const late = systemClock.sleep(graceMs, gone.signal).then(
      () => this.#signal('SIGKILL'),
      () => undefined,
    );
    await this.ended;
    gone.abort();
    await late;
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  #keep(line: string): void {
    this.#lastErrors.push(line);
    if (this.#lastErrors.length > keptLines) this.#lastErrors.shift();
  }
}

/** Something that the demo needs did not work; `lines` are for the person in front of it. */
export class DemoFailure extends Error {
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[] = [], options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'DemoFailure';
    this.lines = lines;
  }
}
