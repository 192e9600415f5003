/** All that the screen and the report are made from, as it is at one moment. */
import type { ApplicationReport } from './application/report.ts';
import type { TrackedRotation } from './rotations.ts';

export interface Holder {
  readonly name: string;
  readonly count: number;
}

export interface View {
  readonly elapsedMs: number;
  readonly totalMs: number;
  readonly everyMs: number;
  /** Milliseconds until the next rotation is asked for; null while one waits for its turn or the demo ends. */
  readonly nextInMs: number | null;
  readonly phase: 'running' | 'ending';
  readonly places: readonly string[];
  /** User name of each version that the application was let in with. */
  readonly logins: ReadonlyMap<number, string>;
  readonly liveVersion: number | null;
  readonly agentState: string;
  readonly agentError: string | null;
  readonly holders: readonly Holder[];
  readonly rotations: readonly TrackedRotation[];
  readonly promoted: number;
  readonly application: ApplicationReport | null;
  /** What went wrong with the demo's own requests, newest last. */
  readonly troubles: readonly string[];
}

/** From request to promotion, by the vault's clock, of every rotation that got there. */
export function promotionTimes(view: Pick<View, 'rotations'>): number[] {
  return view.rotations.flatMap(({ promotedMs }) => (promotedMs === null ? [] : [promotedMs]));
}
