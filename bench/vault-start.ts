/** From the start of the process to the first authenticated read, and the memory of an idle vault. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { atMost, type Bench, type BenchOptions, promised, type Row } from './support/measurement.ts';
import { residentMegabytes } from './support/process-cost.ts';
import { buildForBench, Workplace } from './support/programs.ts';
import { describeSpread, percentile } from './support/spread.ts';
import { clientOf, enrollMachine, serve, startVault } from './support/vault-program.ts';

/** Long enough for the collector to have come by after the start. */
const settleMs = 3000;

async function run({ quick, progress }: BenchOptions): Promise<readonly Row[]> {
  const starts = quick ? 3 : 15;
  await using workplace = new Workplace();
  const programs = await buildForBench(workplace);
  const vault = await startVault(workplace, programs);
  const { projectId } = await vault.operator.operator('createProject', { name: 'bench' });
  const machine = await enrollMachine(workplace, vault, projectId);
  const { secretId } = await vault.operator.operator('createSecret', { projectId, name: 'first', value: 'x' });
  await vault.operator.operator('grant', { secretId, machineId: machine.machineId, permission: 'read' });
  await vault.running.stop();
  const startsMs: number[] = [];
  const idle: number[] = [];
  for (let round = 1; round <= starts; round += 1) {
    progress(`start ${round} of ${starts}`);
    const at = systemClock.monotonic();
    const { running, apiUrl } = await serve(workplace, vault.serveArguments);
    const client = clientOf(workplace, apiUrl, { kind: 'machine', id: machine.machineId, key: machine.key }, 1);
    await client.call('GET', `/v1/secret/${secretId}`, null);
    startsMs.push(systemClock.monotonic() - at);
    if (round > starts - 3) {
      await systemClock.sleep(settleMs);
      idle.push(residentMegabytes(running.pid));
    }
    await running.stop();
  }
  return [
    promised(
      'process start to first authenticated read (p50)',
      percentile(startsMs, 0.5),
      'ms',
      atMost(400, 'ms'),
      describeSpread(startsMs),
    ),
    promised('resident, idle (p50)', percentile(idle, 0.5), 'MB', atMost(120, 'MB'), describeSpread(idle)),
  ];
}

export const vaultStart: Bench = { name: 'vault-start', summary: 'start of the vault, and its memory when idle', run };
