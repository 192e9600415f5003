/** From "rotate" to promoted, each pressed after the one before was retired; one PostgreSQL, one agent, nobody reading. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { manageLogin, setStage } from './support/managed-login.ts';
import { atMost, type Bench, type BenchOptions, beside, promised, type Row } from './support/measurement.ts';
import { Workplace } from './support/programs.ts';
import { watchRotations } from './support/rotation-watch.ts';
import { describeSpread, percentile } from './support/spread.ts';

async function run({ quick, progress }: BenchOptions): Promise<readonly Row[]> {
  const rotations = quick ? 20 : 200;
  await using workplace = new Workplace();
  const stage = await setStage(workplace);
  const secretId = await manageLogin(stage, 'orders', { drainDeadlineMs: 60_000, strategy: 'flip' });
  const watch = await watchRotations(stage);
  const toPromotedMs: number[] = [];
  const toRetiredMs: number[] = [];
  for (let round = 1; round <= rotations; round += 1) {
    if (round % 20 === 0) progress(`${round} of ${rotations} rotations`);
    const promoted = watch.promotion(secretId);
    const ended = watch.end(secretId);
    const pressedAt = systemClock.monotonic();
    await stage.vault.operator.operator('rotate', { secretId });
    toPromotedMs.push((await promoted) - pressedAt);
    await ended;
    toRetiredMs.push(systemClock.monotonic() - pressedAt);
  }
  return [
    promised('rotate pressed to promoted (p50)', percentile(toPromotedMs, 0.5), 'ms', atMost(250, 'ms'), describeSpread(toPromotedMs)),
    beside('rotate pressed to promoted (p95)', percentile(toPromotedMs, 0.95), 'ms'),
    beside('rotate pressed to retired (p50)', percentile(toRetiredMs, 0.5), 'ms', describeSpread(toRetiredMs)),
  ];
}

export const rotateLatency: Bench = { name: 'rotate-latency', summary: 'from "rotate" to promoted', run };
