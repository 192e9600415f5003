/** New versions of a 1 KiB secret: audited, acknowledged only when durable, from 32 connections. */
import { runLoad } from './support/load.ts';
import { atMost, type Bench, type BenchOptions, beside, promised, type Row } from './support/measurement.ts';
import { cpuSeconds } from './support/process-cost.ts';
import { buildForBench, Workplace } from './support/programs.ts';
import { describeSpread } from './support/spread.ts';
import { startVault } from './support/vault-program.ts';

const connections = 32;
const value = 'x'.repeat(1024);
/** OpenBao 2.6.2, same class of machine: CPU seconds for 1,000 writes. */
const openBaoSeconds = 1.27;

async function run({ quick }: BenchOptions): Promise<readonly Row[]> {
  const writes = quick ? 1000 : 10_000;
  await using workplace = new Workplace();
  const programs = await buildForBench(workplace);
  const vault = await startVault(workplace, programs);
  const { projectId } = await vault.operator.operator('createProject', { name: 'bench' });
  const secrets = await Promise.all(
    Array.from({ length: connections }, (_, index) =>
      vault.operator.operator('createSecret', { projectId, name: `secret ${index}`, value }),
    ),
  );
  const write = async (index: number): Promise<void> => {
    await vault.operator.operator('updateSecret', { secretId: secrets[index % connections]?.secretId ?? '', value });
  };
  await runLoad(Math.ceil(writes / 4), connections, write);
  const before = cpuSeconds(vault.running.pid);
  const { seconds, latenciesMs } = await runLoad(writes, connections, write);
  const cpu = ((cpuSeconds(vault.running.pid) - before) * 1000) / writes;
  return [
    promised('CPU for 1,000 writes', cpu, 'CPU s', atMost(openBaoSeconds / 2, 'CPU s'), `latency ms: ${describeSpread(latenciesMs)}`),
    beside('writes a second', writes / seconds, '1/s'),
    beside('OpenBao 2.6.2, as measured on this class of machine', openBaoSeconds, 'CPU s'),
  ];
}

export const vaultWrite: Bench = { name: 'vault-write', summary: 'durable, audited versions of a 1 KiB secret', run };
