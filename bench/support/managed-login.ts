/** A PostgreSQL role with a table of its own, put under management and adopted, ready to be rotated. */

import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { type DaemonProgram, introduce, startDaemon } from './daemon-program.ts';
import { type BuiltPrograms, buildForBench, type Workplace } from './programs.ts';
import { startVault, type VaultProgram } from './vault-program.ts';

export interface Stage {
  readonly workplace: Workplace;
  readonly programs: BuiltPrograms;
  readonly vault: VaultProgram;
  readonly daemon: DaemonProgram;
  readonly database: LocalPostgresql;
  readonly projectId: string;
  /** The daemon's machine; the benches read as this machine too. */
  readonly machineId: string;
}

/** Everything that a rotation needs, as separate processes. `daemonApiUrl`: what the daemon calls the vault, when not directly. */
export async function setStage(
  workplace: Workplace,
  daemonApiUrl: (vault: VaultProgram) => Promise<string> = async (vault) => vault.apiUrl,
): Promise<Stage> {
  const [programs, database] = await Promise.all([
    buildForBench(workplace),
    startPostgresql({ major: 18, settings: { max_connections: '200' } }),
  ]);
  workplace.atEnd(() => database.stop());
  const vault = await startVault(workplace, programs);
  const { projectId } = await vault.operator.operator('createProject', { name: 'bench' });
  const daemon = await startDaemon(workplace, programs);
  const machineId = await introduce(daemon, vault, projectId, await daemonApiUrl(vault));
  return { workplace, programs, vault, daemon, database, projectId, machineId };
}

/** The first password is used by nobody here; the vault cannot know that and keeps it until this deadline. */
const adoptionDrainMs = 1_000;

export async function withAdministrator<T>(database: LocalPostgresql, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    host: database.host,
    port: database.port,
    user: database.superuser,
    password: database.password.reveal(),
    database: database.database,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** `adopted`: by two login roles, without an outage; otherwise the password is changed in place. Returns the secret's id. */
export async function manageLogin(
  stage: Stage,
  role: string,
  options: { readonly drainDeadlineMs: number; readonly strategy: 'flip' | 'single' },
): Promise<string> {
  const { vault, daemon, database, machineId } = stage;
  const password = 'first-password-of-the-role';
  await withAdministrator(database, async (client) => {
    await client.query(`create role ${role} login password '${password}'`);
    await client.query(`create table ${role}_rows (id int)`);
    await client.query(`alter table ${role}_rows owner to ${role}`);
  });
  const place = { provider: 'postgresql', host: database.host, port: database.port, database: database.database } as const;
  const { secretId } = await vault.operator.operator('createManagedSecret', {
    projectId: stage.projectId,
    name: role,
    username: role,
    password,
    drainDeadlineMs: adoptionDrainMs,
    ...place,
  });
  await vault.operator.operator('grant', { secretId, machineId, permission: 'rotate' });
  await vault.operator.operator('grant', { secretId, machineId, permission: 'read' });
  await daemon.client.call('agent.configure', {
    secretId,
    adminUser: database.superuser,
    adminPassword: database.password.reveal(),
    tls: 'disable',
    ...place,
  });
  await daemon.client.call('agent.start', { secretId });
  await daemon.client.call('agent.adopt', { secretId, strategy: options.strategy });
  await untilRetired(stage, secretId, 30_000);
  await vault.operator.operator('setSchedule', { secretId, intervalMs: null, drainDeadlineMs: options.drainDeadlineMs });
  return secretId;
}

/** Resolves when nothing of the secret is pending, claimed or draining. Throws when that takes longer. */
export async function untilRetired(stage: Stage, secretId: string, withinMs: number): Promise<void> {
  const deadline = systemClock.monotonic() + withinMs;
  for (;;) {
    const { managed } = await stage.vault.operator.operator('showSecret', { secretId });
    if (managed?.adopted === true && managed.phase === 'none') return;
    if (systemClock.monotonic() > deadline)
      throw new Error(`the rotation has not ended: ${managed?.phase}, ${managed?.agentState}, ${managed?.errorCode}`);
    await systemClock.sleep(10);
  }
}
