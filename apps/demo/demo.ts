/**
 * One run of the demo: set-up, adoption, rotations at their times, end, report. Whatever happens in between, everything
 * that was started is ended and the terminal is given back.
 */
import { fileURLToPath } from 'node:url';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { reportOf } from './application/report.ts';
import type { DemoOptions } from './command-line.ts';
import { Display } from './display.ts';
import { LiveView, type Schedule } from './live-view.ts';
import { Processes } from './processes.ts';
import { ChildProgram, DemoFailure } from './programs/child-program.ts';
import { SikkerkeyProgram } from './programs/sikkerkey.ts';
import { type DemoResult, resultOf } from './report.ts';
import { RotationLoop } from './rotation-loop.ts';
import { Rotations } from './rotations.ts';
import type { Style } from './screen/style.ts';
import type { DemoTerminal } from './screen/terminal.ts';
import { type Managed, setUp } from './set-up.ts';

export interface DemoOutcome {
  readonly result: DemoResult;
  readonly troubles: readonly string[];
  readonly failure: DemoFailure | null;
}

const applicationFile = fileURLToPath(new URL('./application.ts', import.meta.url));

/** Runs until the time is over or `interrupted`. Rejects only with what nobody expected, after everything was ended. */
export async function runDemo(options: DemoOptions, terminal: DemoTerminal, style: Style, interrupted: AbortSignal): Promise<DemoOutcome> {
  const schedule: Schedule = { workingSince: null, nextRotationAt: null, isEnding: false };
  const rotations = new Rotations((change) => {
    // By the clock of the process: what it took to load this program counts too.
    if (change.kind === 'promoted') view.firstRotationMs ??= systemClock.monotonic();
    display.tell(change);
    if (change.kind === 'over') loop?.askForTimes();
  });
  const view = new LiveView(options, rotations, schedule);
  const display = new Display(terminal, style, () => view.at(systemClock.monotonic()));
  const processes = await Processes.create();
  const sikkerkey = new SikkerkeyProgram(processes.environment, interrupted);
  let failure: DemoFailure | null = null;
  let loop: RotationLoop | null = null;
  const drawing = new AbortController();
  let drawn: Promise<void> = Promise.resolve();
  try {
    const managed = await setUp(processes, sikkerkey, (what, detail) => display.progress(what, detail));
    describe(view, managed);
    const application = startApplication(processes, managed, view);
    if (!interrupted.aborted) {
      drawn = display.run(drawing.signal);
      loop = new RotationLoop({ options, processes, sikkerkey, rotations, view, schedule, secretId: managed.secretId });
      await loop.run(interrupted);
    }
    schedule.isEnding = true;
    await application.stop();
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error;
    // What could not be finished because the demo was told to end is no failure of it.
    failure = interrupted.aborted ? null : error;
  } finally {
    schedule.isEnding = true;
    await sikkerkey.stop();
    await processes.end();
    drawing.abort();
    await drawn;
    terminal.restore();
  }
  const last = view.at(systemClock.monotonic());
  return { result: resultOf(last, view.firstRotationMs, failure !== null), troubles: view.troubles, failure };
}

function describe(view: LiveView, { database, vault }: Managed): void {
  const { majorVersion, port } = database.server;
  view.places.push(
    `PostgreSQL ${majorVersion} :${port}`,
    `vault :${new URL(vault.apiUrl).port}`,
    'daemon',
    'application',
    'real processes',
  );
}

function startApplication(processes: Processes, { vault, secretId }: Managed, view: LiveView): ChildProgram {
  const application = new ChildProgram({
    name: 'application',
    file: applicationFile,
    args: [vault.vaultId, secretId],
    environment: processes.environment,
    onLine: (line) => {
      const report = reportOf(line);
      if (report !== null) view.learn(report);
    },
  });
  processes.keep(application, 'users');
  return application;
}
