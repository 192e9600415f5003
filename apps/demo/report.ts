/** What the demo says at its end, for people and for programs. */
import { percentileOf } from './latencies.ts';
import type { Style } from './screen/style.ts';
import { padded } from './screen/style.ts';
import { count, duration, minutesAndSeconds } from './screen/wording.ts';
import { promotionTimes, type View } from './view.ts';

export interface DemoResult {
  readonly rotations: number;
  readonly loginsTried: number;
  readonly loginsFailed: number;
  readonly rotateToPromotedMs: { readonly p50: number | null; readonly p95: number | null };
  /** From the start of the demo to the first new version that is live. */
  readonly firstRotationMs: number | null;
  readonly poolQueries: number;
  readonly poolFailed: number;
  readonly seconds: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly ok: boolean;
}

/** `ok` only when something was rotated, something was tried, and nothing failed. */
export function resultOf(view: View, firstRotationMs: number | null, brokeDown: boolean): DemoResult {
  const times = promotionTimes(view);
  const logins = view.application?.logins;
  const pool = view.application?.pool;
  const loginsFailed = logins?.failed ?? 0;
  const poolFailed = pool?.failed ?? 0;
  const hasWorked = view.promoted > 0 && (logins?.tried ?? 0) > 0 && view.application?.final === true;
  return {
    rotations: view.promoted,
    loginsTried: logins?.tried ?? 0,
    loginsFailed,
    rotateToPromotedMs: { p50: percentileOf(times, 0.5), p95: percentileOf(times, 0.95) },
    firstRotationMs: firstRotationMs === null ? null : Math.round(firstRotationMs),
    poolQueries: pool?.queries ?? 0,
    poolFailed,
    seconds: Math.round(view.elapsedMs / 1000),
    failures: view.application?.failures ?? {},
    ok: hasWorked && loginsFailed === 0 && poolFailed === 0 && !brokeDown && view.troubles.length === 0,
  };
}

export function reportLines(result: DemoResult, troubles: readonly string[], style: Style): string[] {
  const fact = (name: string, value: string): string => `  ${padded(name, 26)}${value}`;
  const failures = Object.entries(result.failures).map(([code, times]) => fact('', style.bad(`${count(times)} × ${code}`)));
  const { p50, p95 } = result.rotateToPromotedMs;
  return [
    '',
    style.strong(`SikkerKey demo, ${minutesAndSeconds(result.seconds * 1000)} minutes`),
    '',
    fact('rotations', count(result.rotations)),
    fact('logins tried', count(result.loginsTried)),
    fact('failed logins', verdict(result.loginsFailed, style)),
    fact('queries through the pool', count(result.poolQueries)),
    fact('failed queries', verdict(result.poolFailed, style)),
    ...failures,
    fact('rotate → promoted', `p50 ${duration(p50)}, p95 ${duration(p95)}`),
    fact('first rotation after', duration(result.firstRotationMs)),
    ...troubles.map((trouble) => style.bad(`  ✖ ${trouble}`)),
    '',
    result.ok ? style.good('✓ No application noticed.') : style.bad(failureLine(result)),
  ];
}

function verdict(failed: number, style: Style): string {
  return failed === 0 ? style.good('0') : style.bad(count(failed));
}

function failureLine({ rotations, loginsFailed, poolFailed }: DemoResult): string {
  if (loginsFailed + poolFailed > 0) return '✖ The application noticed.';
  return rotations === 0 ? '✖ Nothing was rotated.' : '✖ The demo itself had trouble.';
}
