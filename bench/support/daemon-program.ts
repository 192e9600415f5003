/** A daemon as its own process, and a client on its socket. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectToDaemon } from '@sikkerkey/connect-to-daemon/connect.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { type BuiltPrograms, type Running, startProgram, type Workplace } from './programs.ts';
import type { VaultProgram } from './vault-program.ts';

const startWithinMs = 15_000;

export interface DaemonProgram {
  readonly home: string;
  readonly client: DaemonClient;
  readonly running: Running;
}

/** Resolves when the daemon has answered hello. Throws with its words when it does not. */
export async function startDaemon(workplace: Workplace, programs: BuiltPrograms, name = 'home'): Promise<DaemonProgram> {
  const base = join(workplace.directory, name);
  const running = await startProgram(workplace, [programs.command('sikkerkeyd'), '--home', base, '--foreground'], {
    environment: { SIKKERKEY_HOME: base },
  });
  const client = await connect(base, systemClock.monotonic() + startWithinMs);
  workplace.atEnd(async () => client.close());
  return { home: base, client, running };
}

async function connect(base: string, deadline: number): Promise<DaemonClient> {
  const home = homeOf({ ...readEnvironment(), home: base });
  for (;;) {
    try {
      return await connectToDaemon({
        home,
        clock: systemClock,
        newIdempotencyKey: () => Buffer.from(systemRandom.bytes(12)).toString('hex'),
        clientName: 'bench',
        clientVersion: '0',
        startOnDemand: null,
      });
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error;
      await systemClock.sleep(25);
    }
  }
}

/** Enrolls the daemon's machine and gives it the operator's key, as a person would by the command line. */
export async function introduce(daemon: DaemonProgram, vault: VaultProgram, projectId: string, apiUrl = vault.apiUrl): Promise<string> {
  const { token } = await vault.operator.operator('createBootstrapToken', { projectIds: [projectId] });
  const { machineId } = await daemon.client.call('identity.enroll', { apiUrl, token, name: 'bench' });
  await vault.operator.operator('approveMachine', { machineId });
  await vault.operator.operator('attachMachine', { projectId, machineId });
  const key = readFileSync(vault.operatorKeyFile, 'utf8').trim();
  await daemon.client.call('operator.add', { apiUrl, operatorId: vault.operatorId, key });
  return machineId;
}
