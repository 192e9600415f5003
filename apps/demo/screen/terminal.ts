/**
 * The one owner of the demo's standard output. On a terminal it keeps one frame in its place on the alternate screen and
 * gives the terminal back as it was; in a pipe it prints lines only.
 */
import { widthOf } from './style.ts';

const enter = '\u001b[?1049h\u001b[?25l\u001b[2J';
const leave = '\u001b[0m\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const endOfLine = '\u001b[K';
const below = '\u001b[J';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export class DemoTerminal {
  readonly #out: NodeJS.WriteStream;
  readonly #onGone: () => void;
  #inFrame = false;
  #shown: readonly string[] = [];

  /** @param onGone called when nobody reads the output any more */
  constructor(out: NodeJS.WriteStream, onGone: () => void) {
    this.#out = out;
    this.#onGone = onGone;
    this.#out.on('error', () => this.#onGone());
    this.#out.on('resize', () => {
      if (!this.#inFrame) return;
      this.#shown = [];
      this.#out.write('\u001b[2J');
    });
  }

  get isScreen(): boolean {
    return this.#out.isTTY === true;
  }

  get size(): TerminalSize {
    return { columns: this.#out.columns ?? 80, rows: this.#out.rows ?? 24 };
  }

  print(line: string): void {
    this.#out.write(`${line}\n`);
  }

  /** Shows a frame; only lines that differ from the last one are written. */
  draw(lines: readonly string[]): void {
    const { columns } = this.size;
    // A full line needs no erasing to its end, and there the cursor waits on its last column.
    const written = (line: string): string => (widthOf(line) < columns ? line + endOfLine : line);
    const changed = lines.map((line, row) => (line === this.#shown[row] ? '' : `\u001b[${row + 1};1H${written(line)}`)).join('');
    const shorter = lines.length < this.#shown.length ? `\u001b[${lines.length + 1};1H${below}` : '';
    if (!this.#inFrame) this.#out.write(enter);
    this.#inFrame = true;
    this.#shown = lines;
    if (changed !== '' || shorter !== '') this.#out.write(changed + shorter + home);
  }

  /** Back to the screen as it was before the first frame. May be called at any time. */
  restore(): void {
    if (this.#inFrame) this.#out.write(leave);
    this.#inFrame = false;
    this.#shown = [];
  }
}
