/** Follows the agent, adopts the login, then asks for a rotation at each appointed time until the end. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { DemoOptions } from './command-line.ts';
import type { LiveView, Schedule } from './live-view.ts';
import type { Processes } from './processes.ts';
import { DemoFailure } from './programs/child-program.ts';
import type { SikkerkeyProgram } from './programs/sikkerkey.ts';
import type { Rotations, VaultRecord } from './rotations.ts';

export interface LoopParts {
  readonly options: DemoOptions;
  readonly processes: Processes;
  readonly sikkerkey: SikkerkeyProgram;
  readonly rotations: Rotations;
  readonly view: LiveView;
  readonly schedule: Schedule;
  readonly secretId: string;
}

const tickMs = 50;
const firstRotationGraceMs = 20_000;
const applicationTimeoutMs = 15_000;
/** More than are over between two askings. */
const recordsAtOnce = 20;

export class RotationLoop {
  readonly #parts: LoopParts;
  readonly #asking = new Set<Promise<void>>();

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** Throws DemoFailure when a program ends by itself or the adoption fails. */
  async run(interrupted: AbortSignal): Promise<void> {
    const { processes, sikkerkey, rotations, secretId } = this.#parts;
    const follower = sikkerkey.follow(['agent', 'start', secretId], (object) => rotations.learn(object));
    processes.keep(follower, 'users');
    await this.#untilApplicationWorks(interrupted);
    this.#parts.schedule.workingSince = systemClock.monotonic();
    if (interrupted.aborted) return;
    await sikkerkey.run(['agent', 'adopt', secretId, '--yes']);
    await this.#untilPromoted(interrupted);
    // The short drain was for the adopted password, whose deadline is set now; later ones wait for their readers.
    if (!interrupted.aborted) this.#ask(() => sikkerkey.run(['admin', 'secret', 'schedule', secretId, '--every', 'off', '--drain', '1d']));
    await this.#rotateAgainAndAgain(interrupted);
    // From here on nothing new is asked for: what follows ends the programs that would answer.
    this.#parts.schedule.isEnding = true;
    await Promise.all(this.#asking);
    this.#ask(() => this.#learnTimes());
    await Promise.all(this.#asking);
  }

  /** Fetches the vault's own times of the last rotations: they are what the report counts. */
  askForTimes(): void {
    if (!this.#parts.schedule.isEnding) this.#ask(() => this.#learnTimes());
  }

  async #learnTimes(): Promise<void> {
    const { sikkerkey, rotations, secretId } = this.#parts;
    const answer = await sikkerkey.run(['admin', 'rotations', secretId, '--limit', String(recordsAtOnce)], { evenWhenInterrupted: true });
    rotations.learnRecords(recordsIn(answer['rotations']));
  }

  async #rotateAgainAndAgain(interrupted: AbortSignal): Promise<void> {
    const { schedule, options, sikkerkey, secretId } = this.#parts;
    const everyMs = options.everySeconds * 1000;
    const endAt = options.minutes * 60_000 + (schedule.workingSince ?? 0);
    let next = systemClock.monotonic() + everyMs;
    while (!interrupted.aborted && (systemClock.monotonic() < endAt || this.#mayStillBegin(endAt))) {
      this.#refuseBreakdown();
      if (systemClock.monotonic() >= next) {
        next += everyMs;
        // One that is asked for while the last one still drains waits for it in the vault.
        this.#ask(() => sikkerkey.run(['admin', 'rotate', secretId]));
      }
      schedule.nextRotationAt = next;
      await systemClock.sleep(tickMs, interrupted).catch(() => undefined);
    }
    schedule.nextRotationAt = null;
  }

  /** On a slow machine a short demo waits for its first rotation instead of ending without one. */
  #mayStillBegin(endAt: number): boolean {
    return this.#parts.rotations.promoted === 0 && systemClock.monotonic() < endAt + firstRotationGraceMs;
  }

  /** A request that the loop does not wait for; what goes wrong with it is shown and counts against the demo. */
  #ask(request: () => Promise<unknown>): void {
    const asking: Promise<void> = request()
      .then(
        () => undefined,
        (error: unknown) => this.#note(error),
      )
      .finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  async #untilPromoted(interrupted: AbortSignal): Promise<void> {
    const deadline = systemClock.monotonic() + firstRotationGraceMs;
    while (!interrupted.aborted && this.#parts.rotations.promoted === 0) {
      this.#refuseBreakdown();
      if (systemClock.monotonic() > deadline) return;
      await systemClock.sleep(tickMs, interrupted).catch(() => undefined);
    }
  }

  async #untilApplicationWorks(interrupted: AbortSignal): Promise<void> {
    const { view } = this.#parts;
    const deadline = systemClock.monotonic() + applicationTimeoutMs;
    while (!interrupted.aborted && (view.application?.logins.tried ?? 0) === 0) {
      this.#refuseBreakdown();
      if (systemClock.monotonic() > deadline) throw new DemoFailure('the application did not begin to work');
      await systemClock.sleep(tickMs, interrupted).catch(() => undefined);
    }
  }

  #note(error: unknown): void {
    if (!(error instanceof DemoFailure)) throw error;
    this.#parts.view.troubles.push([error.message, ...error.lines].join(' · '));
  }

  #refuseBreakdown(): void {
    const { failed } = this.#parts.processes;
    if (failed !== undefined) throw new DemoFailure(`${failed.name} ended by itself`, failed.complaints);
  }
}

function recordsIn(value: unknown): VaultRecord[] {
  return Array.isArray(value) ? (value as VaultRecord[]) : [];
}
