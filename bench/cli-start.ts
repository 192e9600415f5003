/** `sikkerkey agent list` against a live daemon, beside a Node that does nothing, taken in turn. */
import { spawnSync } from 'node:child_process';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { startDaemon } from './support/daemon-program.ts';
import { atMost, type Bench, type BenchOptions, beside, promised, type Row } from './support/measurement.ts';
import { buildForBench, Workplace } from './support/programs.ts';
import { describeSpread, percentile } from './support/spread.ts';

/** The first runs fill the disk cache and the cache of compiled code. */
const warmUp = 3;

async function run({ quick }: BenchOptions): Promise<readonly Row[]> {
  const rounds = quick ? 15 : 100;
  await using workplace = new Workplace();
  const programs = await buildForBench(workplace);
  const daemon = await startDaemon(workplace, programs);
  const env = childEnvironment({ SIKKERKEY_HOME: daemon.home });
  const time = (args: readonly string[]): number => {
    const at = systemClock.monotonic();
    const done = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (done.status !== 0) throw new Error(`ended with ${done.status}: ${done.stderr}`);
    return systemClock.monotonic() - at;
  };
  const bareMs: number[] = [];
  const listMs: number[] = [];
  for (let round = -warmUp; round < rounds; round += 1) {
    const bare = time(['-e', '0']);
    const list = time([programs.command('sikkerkey'), 'agent', 'list']);
    if (round < 0) continue;
    bareMs.push(bare);
    listMs.push(list);
  }
  const ratio = percentile(listMs, 0.5) / percentile(bareMs, 0.5);
  return [
    promised('agent list, as a multiple of bare Node (p50)', ratio, '×', atMost(1.8, '×')),
    beside('sikkerkey agent list (p50)', percentile(listMs, 0.5), 'ms', describeSpread(listMs)),
    beside('node -e 0 (p50)', percentile(bareMs, 0.5), 'ms', describeSpread(bareMs)),
  ];
}

export const cliStart: Bench = { name: 'cli-start', summary: 'a command against a live daemon, beside bare Node', run };
