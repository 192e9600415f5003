/** Gathers what the processes of the demo tell into one `View`. Holds no process and draws nothing. */
import type { ApplicationReport } from './application/report.ts';
import type { DemoOptions } from './command-line.ts';
import type { Rotations } from './rotations.ts';
import type { View } from './view.ts';

export interface Schedule {
  /** When the set-up was over and the application began; the time of the demo counts from here. */
  workingSince: number | null;
  nextRotationAt: number | null;
  isEnding: boolean;
}

export class LiveView {
  readonly troubles: string[] = [];
  readonly places: string[] = [];
  readonly logins = new Map<number, string>();
  application: ApplicationReport | null = null;
  firstRotationMs: number | null = null;
  readonly #options: DemoOptions;
  readonly #rotations: Rotations;
  readonly #schedule: Schedule;

  constructor(options: DemoOptions, rotations: Rotations, schedule: Schedule) {
    this.#options = options;
    this.#rotations = rotations;
    this.#schedule = schedule;
  }

  learn(report: ApplicationReport): void {
    this.application = report;
    const { version, username } = report.logins;
    if (version !== null && username !== null) this.logins.set(version, username);
  }

  at(now: number): View {
    const { agent } = this.#rotations;
    const { nextRotationAt, isEnding, workingSince } = this.#schedule;
    return {
      elapsedMs: workingSince === null ? 0 : now - workingSince,
      totalMs: this.#options.minutes * 60_000,
      everyMs: this.#options.everySeconds * 1000,
      nextInMs: nextRotationAt === null || isEnding ? null : Math.max(0, nextRotationAt - now),
      phase: isEnding ? 'ending' : 'running',
      places: this.places,
      logins: this.logins,
      liveVersion: agent?.version ?? null,
      agentState: agent?.state ?? 'UNKNOWN',
      agentError: agent?.errorCode ?? null,
      holders: agent?.holdOuts.filter(({ kind }) => kind !== 'session') ?? [],
      rotations: this.#rotations.all,
      promoted: this.#rotations.promoted,
      application: this.application,
      troubles: this.troubles,
    };
  }
}
