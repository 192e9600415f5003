/** One daemon with 1,000 agents that have nothing to do, started anew: memory, CPU, and requests to the vault. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import { introduce, startDaemon } from './support/daemon-program.ts';
import { runLoad } from './support/load.ts';
import { atMost, type Bench, type BenchOptions, beside, promised, type Row } from './support/measurement.ts';
import { cpuSeconds, residentMegabytes } from './support/process-cost.ts';
import { buildForBench, Workplace } from './support/programs.ts';
import { describeSpread, percentile } from './support/spread.ts';
import { startVault } from './support/vault-program.ts';
import { startProxy } from './support/vault-proxy.ts';

const agents = 1000;

async function run({ quick, progress }: BenchOptions): Promise<readonly Row[]> {
  const [settleSeconds, measuredSeconds] = quick ? [10, 30] : [60, 180];
  await using workplace = new Workplace();
  const programs = await buildForBench(workplace);
  const database = await startPostgresql({ major: 18 });
  workplace.atEnd(() => database.stop());
  const vault = await startVault(workplace, programs);
  const proxy = await startProxy(workplace, vault.apiUrl);
  const { projectId } = await vault.operator.operator('createProject', { name: 'bench' });
  const daemon = await startDaemon(workplace, programs);
  const machineId = await introduce(daemon, vault, projectId, proxy.apiUrl);
  const place = { provider: 'postgresql', host: database.host, port: database.port, database: database.database } as const;
  progress(`${agents} agents`);
  await runLoad(agents, 8, async (index) => {
    const username = `role_${index}`;
    const { secretId } = await vault.operator.operator('createManagedSecret', {
      projectId,
      name: username,
      username,
      password: 'a password of twenty characters',
      ...place,
    });
    await vault.operator.operator('grant', { secretId, machineId, permission: 'rotate' });
    await daemon.client.call('agent.configure', {
      secretId,
      adminUser: database.superuser,
      adminPassword: database.password.reveal(),
      tls: 'disable',
      ...place,
    });
    await daemon.client.call('agent.start', { secretId });
  });
  const afterSetUp = residentMegabytes(daemon.running.pid);
  daemon.client.close();
  await daemon.running.stop();
  const { pid } = (await startDaemon(workplace, programs)).running;
  progress(`started anew, idle for ${settleSeconds} s, then measured for ${measuredSeconds} s`);
  await systemClock.sleep(settleSeconds * 1000);
  const before = { cpu: cpuSeconds(pid), requests: proxy.requests() };
  const megabytes: number[] = [];
  for (let second = 0; second < measuredSeconds; second += 1) {
    await systemClock.sleep(1000);
    megabytes.push(residentMegabytes(pid));
  }
  const cpuPerMinute = ((cpuSeconds(pid) - before.cpu) * 60) / measuredSeconds;
  const requestsPerSecond = (proxy.requests() - before.requests) / measuredSeconds;
  return [
    promised('resident (p50)', percentile(megabytes, 0.5), 'MB', atMost(150, 'MB'), describeSpread(megabytes)),
    promised('CPU a minute', cpuPerMinute, 's', atMost(2, 's')),
    promised('requests a second', requestsPerSecond, '1/s', atMost(5, '1/s')),
    beside('resident right after 1,000 agents were set up', afterSetUp, 'MB'),
    beside('the published agent’s 1,000 processes, as measured: resident over http', 1900, 'MB'),
    beside('the published agent’s 1,000 processes, as measured: CPU a minute', 9, 's'),
    beside('the published agent’s 1,000 processes, as measured: requests a second', 133, '1/s'),
  ];
}

export const daemonIdle: Bench = { name: 'daemon-idle', summary: 'one daemon with 1,000 agents that have nothing to do', run };
