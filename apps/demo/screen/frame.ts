/** The demo's screen as lines of text: pure, so that a test can look at it. Fits 80 columns and 24 rows. */
import { railSteps } from '@sikkerkey/protocol/local/state.ts';
import { percentileOf } from '../latencies.ts';
import type { TrackedRotation } from '../rotations.ts';
import { promotionTimes, type View } from '../view.ts';
import { cut, ends, padded, paddedLeft, type Style } from './style.ts';
import { count, duration, minutesAndSeconds, sparkline } from './wording.ts';

/** The step rail in one line; on less, lines of text are shown instead. */
export const leastColumns = 78;
export const leastRows = 16;
const widest = 100;
const stepWidth = 11;
const shownBars = 30;
/** Lines of the frame besides those of past rotations. */
const otherLines = 17;
const mostPastRotations = 20;

/** As many lines as there are rows, at most; each no wider than the columns. */
export function frameOf(view: View, columns: number, rows: number, style: Style): string[] {
  const width = Math.min(columns, widest);
  const rule = style.dim('─'.repeat(width));
  const lines = [
    ...header(view, width, style),
    rule,
    ...railOf(view, width, style),
    rule,
    ...applicationOf(view, style),
    rule,
    ...latencyOf(view, style),
    ...historyOf(view, Math.min(mostPastRotations, Math.max(0, rows - otherLines)), style),
    rule,
    ...footer(view, width, style),
  ];
  return lines.slice(0, rows).map((line) => cut(line, width));
}

function header(view: View, width: number, style: Style): string[] {
  const time = `${minutesAndSeconds(view.elapsedMs)} / ${minutesAndSeconds(view.totalMs)}`;
  return [
    ends(` ${style.strong('SikkerKey')}  a database password that changes under load`, `${time} `, width),
    style.dim(` ${view.places.join(' · ')}`),
  ];
}

function railOf(view: View, width: number, style: Style): string[] {
  const rotation = view.rotations.at(-1) ?? null;
  const next = view.nextInMs === null ? '' : `next in ${Math.ceil(view.nextInMs / 1000)} s `;
  const title =
    rotation === null ? 'no rotation yet' : `${style.strong(`rotation ${rotation.number}`)}  ${statusOf(rotation, view, style)}`;
  const steps = railSteps.map((step, index) => {
    const at = rotation === null ? -1 : railSteps.indexOf(rotation.step);
    const isOver = rotation !== null && rotation.outcome !== 'under way';
    if (index < at || (index === at && isOver)) return style.good(padded(`✓ ${step}`, stepWidth));
    return index === at ? style.busy(padded(`▸ ${step}`, stepWidth)) : style.dim(padded(`○ ${step}`, stepWidth));
  });
  const times = railSteps.map((step) => padded(`  ${stepTime(rotation, step)}`, stepWidth));
  return [ends(` ${title}`, style.dim(next), width), '', ` ${steps.join('')}`, style.dim(` ${times.join('')}`)];
}

function statusOf(rotation: TrackedRotation, view: View, style: Style): string {
  switch (rotation.outcome) {
    case 'retired':
      return `${style.good('✓ done')}  the old password is retired`;
    case 'rejected':
      return style.bad('✖ rejected');
    case 'under way': {
      if (view.agentError !== null) return style.bad(`✖ ${view.agentState}  ${view.agentError}`);
      const held = view.holders.map(({ name, count: times }) => (times > 1 ? `${name} ×${times}` : name)).join(', ');
      if (held !== '') return `${style.busy('◷ draining')}  still held by ${held}`;
      return `${style.busy('↻ under way')}  ${view.agentState.toLowerCase().replaceAll('_', ' ')}`;
    }
    default:
      return rotation.outcome satisfies never;
  }
}

/** Since the daemon took the rotation up; a dash for a step that was over before it could be seen. */
function stepTime(rotation: TrackedRotation | null, step: (typeof railSteps)[number]): string {
  if (rotation === null) return '';
  const first = Math.min(...rotation.stepAt.values());
  const at = rotation.stepAt.get(step);
  if (at !== undefined) return `+${at - first} ms`;
  return railSteps.indexOf(step) < railSteps.indexOf(rotation.step) ? '·' : '';
}

function applicationOf(view: View, style: Style): string[] {
  const head = style.dim(
    `   ${padded('the application', 34)}${['tried', 'failed', 'p50', 'p95'].map((word) => paddedLeft(word, 10)).join('')}`,
  );
  const row = (what: string, tried: number, failed: number, p50: number | null, p95: number | null): string => {
    const mark = failed === 0 ? style.good('✓') : style.bad('✖');
    const numbers = [
      paddedLeft(count(tried), 10),
      paddedFailures(failed, style),
      paddedLeft(duration(p50), 10),
      paddedLeft(duration(p95), 10),
    ];
    return ` ${mark} ${padded(what, 34)}${numbers.join('')}`;
  };
  const fresh = view.application?.logins ?? { tried: 0, failed: 0, p50Ms: null, p95Ms: null };
  const pool = view.application?.pool ?? { queries: 0, failed: 0, p50Ms: null, p95Ms: null, clients: 0 };
  return [
    slotsOf(view, style),
    '',
    head,
    row('fresh logins, 12 workers', fresh.tried, fresh.failed, fresh.p50Ms, fresh.p95Ms),
    row(`queries, pool of ${pool.clients}`, pool.queries, pool.failed, pool.p50Ms, pool.p95Ms),
  ];
}

/** The live login and the one before it; a name is known once the application was let in with it. */
function slotsOf({ logins, liveVersion, rotations }: View, style: Style): string {
  const versions = [...logins.keys()].sort((left, right) => right - left);
  const live = liveVersion ?? versions[0];
  if (live === undefined) return style.dim('   the application begins');
  const now = `${style.good('●')} live  version ${live}  ${style.strong(logins.get(live) ?? '…')}`;
  const previous = versions.find((version) => version < live);
  if (previous === undefined) return `   ${now}`;
  const last = rotations.at(-1);
  const isDraining = last?.outcome === 'under way' && railSteps.indexOf(last.step) >= railSteps.indexOf('promoted');
  const before = `${isDraining ? '◐ draining' : '○ retired'}  version ${previous}  ${logins.get(previous) ?? ''}`;
  return `   ${padded(now, 38)}${isDraining ? style.busy(before) : style.dim(before)}`;
}

function paddedFailures(failed: number, style: Style): string {
  const text = paddedLeft(count(failed), 10);
  return failed === 0 ? style.good(text) : style.bad(text);
}

function latencyOf(view: View, style: Style): string[] {
  const times = promotionTimes(view);
  const p50 = duration(percentileOf(times, 0.5));
  const p95 = duration(percentileOf(times, 0.95));
  return [`   rotate → promoted   p50 ${style.strong(p50)}   p95 ${style.strong(p95)}   ${style.busy(sparkline(times.slice(-shownBars)))}`];
}

function historyOf(view: View, shown: number, style: Style): string[] {
  if (shown === 0) return [];
  const over = view.rotations.filter(({ outcome }) => outcome !== 'under way').slice(-shown);
  const lines = over.toReversed().map(({ number, version, promotedMs, retiredMs, outcome }) => {
    const mark = outcome === 'retired' ? style.good('✓') : style.bad('✖');
    const times = `promoted ${paddedLeft(duration(promotedMs), 7)}   old one retired ${paddedLeft(duration(retiredMs), 7)}`;
    return ` ${mark} ${padded(`rotation ${number}`, 14)}${padded(`version ${version ?? '?'}`, 14)}${style.dim(outcome === 'retired' ? times : outcome)}`;
  });
  return [...lines, ...Array.from({ length: shown - lines.length }, () => '')];
}

function footer(view: View, width: number, style: Style): string[] {
  const trouble = view.troubles.at(-1);
  if (trouble !== undefined) return [style.bad(` ✖ ${trouble}`)];
  const failed = (view.application?.logins.failed ?? 0) + (view.application?.pool.failed ?? 0);
  const verdict = failed === 0 ? style.good('✓ nothing has failed') : style.bad(`✖ ${count(failed)} failed`);
  const hint = view.phase === 'ending' ? 'ending …' : 'Ctrl-C ends it and prints the report';
  return [ends(` ${verdict}`, style.dim(`${hint} `), width)];
}
