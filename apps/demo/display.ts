/** How the demo shows itself: one frame that stays in place on a terminal, one line for each event in a pipe. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { RotationChange } from './rotations.ts';
import { frameOf, leastColumns, leastRows } from './screen/frame.ts';
import type { Style } from './screen/style.ts';
import type { DemoTerminal } from './screen/terminal.ts';
import { count } from './screen/wording.ts';
import type { View } from './view.ts';

const drawEveryMs = 100;

export class Display {
  readonly #terminal: DemoTerminal;
  readonly #style: Style;
  readonly #view: () => View;
  #isDrawing = false;

  constructor(terminal: DemoTerminal, style: Style, view: () => View) {
    this.#terminal = terminal;
    this.#style = style;
    this.#view = view;
  }

  /** One finished part of the set-up. */
  progress(what: string, detail: string): void {
    const seconds = (systemClock.monotonic() / 1000).toFixed(1).padStart(5);
    this.#terminal.print(`${this.#style.dim(`${seconds} s`)}  ${this.#style.good('✓')} ${what.padEnd(18)} ${this.#style.dim(detail)}`);
  }

  /** Draws again and again until the signal; does nothing where there is no screen for it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.draw();
      await systemClock.sleep(drawEveryMs, signal).catch(() => undefined);
    }
  }

  draw(): void {
    const { columns, rows } = this.#terminal.size;
    this.#isDrawing = this.#terminal.isScreen && columns >= leastColumns && rows >= leastRows;
    if (this.#isDrawing) this.#terminal.draw(frameOf(this.#view(), columns, rows, this.#style));
    else this.#terminal.restore();
  }

  /** An event as a line, where lines are what is shown. */
  tell({ kind, rotation }: RotationChange): void {
    if (this.#terminal.isScreen && this.#isDrawing) return;
    if (kind === 'step') return;
    const { application } = this.#view();
    const tried = `${count(application?.logins.tried ?? 0)} logins tried, ${count(application?.logins.failed ?? 0)} failed`;
    const words: Record<Exclude<RotationChange['kind'], 'step'>, string> = {
      begun: 'begun',
      promoted: `promoted: version ${rotation.version ?? '?'} is live`,
      over: rotation.outcome === 'retired' ? 'over: the old password is retired' : 'rejected',
      'waiting-for-drain': 'waits until nobody holds the old password',
    };
    this.#line(`rotation ${rotation.number} ${words[kind]}  ${this.#style.dim(`(${tried})`)}`);
  }

  #line(text: string): void {
    const seconds = (systemClock.monotonic() / 1000).toFixed(1).padStart(5);
    this.#terminal.print(`${this.#style.dim(`${seconds} s`)}  ${text}`);
  }
}
