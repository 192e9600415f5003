/**
 * A terminal as a person has it: a pseudo-terminal of the system (util-linux `script`), a shell in it that runs the
 * console, and an emulator that says what stands on the screen. The shell outlives the console and tells how it ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { runInForeground } from '@sikkerkey/host/foreground-program.ts';
import { textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import headless from '@xterm/headless';
import { eventually } from '../daemon/programs.ts';

const scriptProgram = '/usr/bin/script';
const console_ = join(import.meta.dirname, '..', '..', 'apps', 'tui', 'run.ts');

/** Part of every Debian and Ubuntu (bsdutils); the other systems' `script` takes other options. */
export const hasPseudoTerminals = process.platform === 'linux' && existsSync(scriptProgram);

export interface TerminalSettings {
  readonly home: string;
  readonly columns?: number;
  readonly rows?: number;
  /** What the program is given beyond the home, e.g. `NO_COLOR`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The program and its arguments instead of the console from source. */
  readonly program?: readonly string[];
  /** A shell as a person types at, with jobs, `fg` and a prompt: it runs what is pressed, nothing by itself. */
  readonly isTypedAt?: boolean;
}

/** What the shell that is typed at says when it has nothing to do. */
export const prompt = 'your-turn>';

export class PseudoTerminal {
  readonly #child: ChildProcess;
  readonly #emulator: headless.Terminal;
  readonly #shellId: number;
  readonly #device: string;
  readonly #parts: { raw: string; isCursorShown: boolean };

  private constructor(
    child: ChildProcess,
    emulator: headless.Terminal,
    shell: { id: number; device: string },
    parts: { raw: string; isCursorShown: boolean },
  ) {
    this.#child = child;
    this.#emulator = emulator;
    this.#shellId = shell.id;
    this.#device = shell.device;
    this.#parts = parts;
  }

  /** Resolves when the program has been started. */
  static async open(settings: TerminalSettings): Promise<PseudoTerminal> {
    const { home, columns = 80, rows = 24, environment = {}, isTypedAt = false } = settings;
    const runs = isTypedAt ? `PS1='${prompt} ' exec sh -i` : `${commandOf(settings)}; echo "ended with $?"; stty -a; sleep 600`;
    const script = `stty rows ${rows} cols ${columns}; echo shell $$ $(tty); ${runs}`;
    const child = spawn(scriptProgram, ['-qefc', script, '/dev/null'], {
      env: childEnvironment({ TERM: 'xterm-256color', SIKKERKEY_HOME: home, SHELL: '/bin/sh', ...environment }),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const emulator = new headless.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 200 });
    const parts = { raw: '', isCursorShown: true };
    useModernWidths(emulator);
    for (const [final, shown] of [
      ['h', true],
      ['l', false],
    ] as const) {
      emulator.parser.registerCsiHandler({ prefix: '?', final }, (params) => {
        if (params[0] === 25) parts.isCursorShown = shown;
        return false;
      });
    }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      parts.raw += text;
      emulator.write(text);
    });
    const started = await eventually('the shell has started', () => /shell (\d+) (\/dev\/\S+)/.exec(parts.raw));
    return new PseudoTerminal(child, emulator, { id: Number(started[1]), device: started[2] ?? '' }, parts);
  }

  /** The visible rows, trailing spaces gone. */
  lines(): readonly string[] {
    const buffer = this.#emulator.buffer.active;
    return Array.from({ length: this.#emulator.rows }, (_, row) => buffer.getLine(buffer.baseY + row)?.translateToString(true) ?? '');
  }

  screen(): string {
    return this.lines().join('\n');
  }

  /** Rows that the terminal had to break because they were too long. */
  brokenRows(): number {
    const buffer = this.#emulator.buffer.active;
    return this.lines().filter((_, row) => buffer.getLine(buffer.baseY + row)?.isWrapped === true).length;
  }

  /** How many cells have a colour of their own. */
  colouredCells(): number {
    const buffer = this.#emulator.buffer.active;
    const cells = this.lines().flatMap((_, row) => {
      const line = buffer.getLine(buffer.baseY + row);
      return Array.from({ length: this.#emulator.cols }, (__, column) => line?.getCell(column));
    });
    return cells.filter((cell) => cell?.isFgDefault() === false || cell?.isBgDefault() === false).length;
  }

  get isAlternate(): boolean {
    return this.#emulator.buffer.active.type === 'alternate';
  }

  get isCursorShown(): boolean {
    return this.#parts.isCursorShown;
  }

  /** Everything that was written to the terminal. */
  get raw(): string {
    return this.#parts.raw;
  }

  press(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Waits until the screen says so; the error shows the screen that was there instead. */
  async see(what: string, isThere: (screen: string) => boolean = (screen) => screen.includes(what), withinMs = 20_000): Promise<string> {
    try {
      return await eventually(what, () => (isThere(this.screen()) ? this.screen() : null), withinMs);
    } catch (error) {
      throw new Error(`not on the screen: ${what}\n${this.screen()}`, { cause: error });
    }
  }

  /** As a window that is dragged: the system tells the programs. */
  async resize(columns: number, rows: number): Promise<void> {
    this.#emulator.resize(columns, rows);
    const code = await runInForeground('stty', ['-F', this.#device, 'rows', String(rows), 'cols', String(columns)], {});
    if (code !== 0) throw new Error(`stty ended with ${code}`);
  }

  /** What another program (`wall`, a job in the background) writes over the screen, the cursor left where it was. */
  async scribble(text: string, row: number): Promise<void> {
    await writeFile(this.#device, `\u001b7\u001b[${row};1H${text}\u001b8`);
  }

  /** The program that the shell runs: what a person would name in `kill`. */
  programId(): number {
    const [first] = childrenOf(this.#shellId);
    if (first === undefined) throw new Error('the shell runs nothing');
    return first;
  }

  /** The program's process and all below it. */
  processIds(): readonly number[] {
    const below = (id: number): number[] => [id, ...childrenOf(id).flatMap(below)];
    return below(this.programId());
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.programId(), signal);
  }

  /** Waits for the shell's word: how the program ended and how it left the terminal's settings. */
  async ended(): Promise<{ readonly code: number; readonly settings: string }> {
    const screen = await this.see('the end of the program', (text) => /ended with \d+[\s\S]*echoke/.test(text));
    return { code: Number(/ended with (\d+)/.exec(screen)?.[1]), settings: screen.slice(screen.indexOf('ended with')) };
  }

  /** The window is closed: the system hangs up on everything in it. */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await gone;
    }
    this.#emulator.dispose();
  }
}

/** What is typed to start it. */
export function commandOf({ program = [console_] }: Pick<TerminalSettings, 'program'>): string {
  return [process.execPath, ...program].map((word) => `'${word}'`).join(' ');
}

function childrenOf(id: number): readonly number[] {
  const text = readFileSync(`/proc/${id}/task/${id}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The emulator's own table is Unicode 6; the terminals of today draw emoji two cells wide. */
function useModernWidths(emulator: headless.Terminal): void {
  const wcwidth = (codePoint: number): 0 | 1 | 2 =>
    codePoint < 0x20 ? 0 : (Math.min(2, textWidth(String.fromCodePoint(codePoint))) as 0 | 1 | 2);
  emulator.unicode.register({
    version: 'modern',
    wcwidth,
    charProperties: (codePoint) => wcwidth(codePoint) << 1,
  });
  emulator.unicode.activeVersion = 'modern';
}
