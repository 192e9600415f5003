/**
 * The sample application of the demo, a process of its own: `application.ts VAULT SECRET`. Prints a report as a JSON line
 * several times a second; ends in order on SIGTERM, or when the demo that started it is gone (standard input closes).
 */
import { endProcess } from '@sikkerkey/host/process-end.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { createRotatingPool, SikkerKey } from '@sikkerkey/sdk/index.ts';
import { Pool } from 'pg';
import { Workload } from './application/workload.ts';

const reportEveryMs = 100;

async function runApplication(vaultId: string, secretId: string): Promise<void> {
  const sikkerkey = new SikkerKey(vaultId);
  const reader = sikkerkey.reader(secretId, { pool: 'fresh logins' });
  const pool = createRotatingPool(sikkerkey, secretId, { Pool, poolName: 'pool', max: 4, application_name: 'demo pool' });
  const workload = new Workload({ reader, pool, clock: systemClock, workers: 12, poolWorkers: 4 });
  const stopped = new AbortController();
  const stop = (): void => {
    workload.stop();
    stopped.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => undefined);
  process.stdin.on('end', stop).on('error', stop).resume();
  // The reader of the reports may be gone first; then there is nobody to report to.
  process.stdout.on('error', stop);

  const print = (final: boolean): void => void process.stdout.write(`${JSON.stringify(workload.report(final))}\n`);
  const work = workload.run();
  while (!stopped.signal.aborted) {
    print(false);
    await systemClock.sleep(reportEveryMs, stopped.signal).catch(() => undefined);
  }
  await work;
  print(true);
  await pool.end();
  await sikkerkey.close({ usesNothingMore: true });
}

const [vaultId = '', secretId = ''] = process.argv.slice(2);
await runApplication(vaultId, secretId);
endProcess(0);
