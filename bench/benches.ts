/** Every bench, by the name that `npm run bench -- NAME` takes. */
import { cliStart } from './cli-start.ts';
import { daemonIdle } from './daemon-idle.ts';
import { outage } from './outage.ts';
import { rotateLatency } from './rotate-latency.ts';
import type { Bench } from './support/measurement.ts';
import { vaultRead } from './vault-read.ts';
import { vaultStart } from './vault-start.ts';
import { vaultWrite } from './vault-write.ts';

export const benches: readonly Bench[] = [outage, rotateLatency, vaultRead, vaultWrite, vaultStart, cliStart, daemonIdle];
