/**
 * One daemon with 1,000 agents of adopted logins that have nothing to do, started anew, when it does most: it learns what
 * each secret is, and looks at each database whether its password was changed meanwhile. Memory, CPU, requests to the vault.
 */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { startDaemon } from './support/daemon-program.ts';
import { runLoad } from './support/load.ts';
import { manageLogin, setStage } from './support/managed-login.ts';
import { atMost, type Bench, type BenchOptions, beside, promised, type Row } from './support/measurement.ts';
import { cpuSeconds, residentMegabytes } from './support/process-cost.ts';
import { Workplace } from './support/programs.ts';
import { describeSpread, percentile } from './support/spread.ts';
import { startProxy, type VaultProxy } from './support/vault-proxy.ts';

const agents = 1000;

async function run({ quick, progress }: BenchOptions): Promise<readonly Row[]> {
  const [settleSeconds, measuredSeconds] = quick ? [10, 30] : [60, 180];
  await using workplace = new Workplace();
  const counted: VaultProxy[] = [];
  const stage = await setStage(workplace, async ({ apiUrl }) => {
    const proxy = await startProxy(workplace, apiUrl);
    counted.push(proxy);
    return proxy.apiUrl;
  });
  const requests = (): number => counted.reduce((sum, proxy) => sum + proxy.requests(), 0);
  const { daemon, programs } = stage;
  progress(`${agents} agents, each with a login of its own that it has adopted`);
  await runLoad(agents, 8, async (index) => {
    await manageLogin(stage, `role_${index}`, { drainDeadlineMs: 60_000, strategy: 'single' });
  });
  const afterSetUp = residentMegabytes(daemon.running.pid);
  daemon.client.close();
  await daemon.running.stop();
  const { pid } = (await startDaemon(workplace, programs)).running;
  progress(`started anew, idle for ${settleSeconds} s, then measured for ${measuredSeconds} s`);
  await systemClock.sleep(settleSeconds * 1000);
  const before = { cpu: cpuSeconds(pid), requests: requests() };
  const megabytes: number[] = [];
  for (let second = 0; second < measuredSeconds; second += 1) {
    await systemClock.sleep(1000);
    megabytes.push(residentMegabytes(pid));
  }
  const cpuPerMinute = ((cpuSeconds(pid) - before.cpu) * 60) / measuredSeconds;
  const requestsPerSecond = (requests() - before.requests) / measuredSeconds;
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
