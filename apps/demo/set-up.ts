/**
 * Brings up everything the demo shows, in the order in which a person would: database, vault and daemon beside each
 * other, then enrollment, then the login under management. Only programs are run; nothing of them is imported.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { Processes } from './processes.ts';
import { ChildProgram, DemoFailure } from './programs/child-program.ts';
import { type ShopDatabase, startShopDatabase } from './programs/database.ts';
import { type SikkerkeyProgram, textIn } from './programs/sikkerkey.ts';
import { type RunningVault, startVault } from './programs/vault.ts';

export interface Managed {
  readonly database: ShopDatabase;
  readonly vault: RunningVault;
  readonly secretId: string;
}

/** Reports a finished part of the set-up, with what is worth knowing of it. */
export type Progress = (what: string, detail: string) => void;

const daemonFile = fileURLToPath(new URL('../../daemon/main.ts', import.meta.url));
const daemonTimeoutMs = 20_000;
/** The vault cannot know who else uses an adopted password and keeps it for this long; here nobody does. */
const adoptionDrain = '2s';

/** Throws DemoFailure. What was started is in `processes`, whatever happens. */
export async function setUp(processes: Processes, sikkerkey: SikkerkeyProgram, progress: Progress): Promise<Managed> {
  const starts = [bringUpDatabase(processes, progress), bringUpVault(processes, progress), bringUpDaemon(processes, progress)] as const;
  // All have come to an end before any failure is passed on: nothing may still be starting while things are ended.
  await Promise.allSettled(starts);
  const [database, vault] = await Promise.all(starts);
  const enrolled = await enroll(sikkerkey, vault);
  const secretCreated = createSecret(sikkerkey, processes.directory, database, enrolled);
  const [secretId] = await Promise.all([secretCreated, approve(sikkerkey, enrolled, progress)]);
  progress('managed secret', `${secretId}, login ${database.login}; drain ${adoptionDrain}`);
  return { database, vault, secretId };
}

async function bringUpDatabase(processes: Processes, progress: Progress): Promise<ShopDatabase> {
  const database = await startShopDatabase().catch((cause: unknown) => {
    throw new DemoFailure('PostgreSQL did not start', cause instanceof Error ? [cause.message] : [], { cause });
  });
  processes.keepServer(database.server);
  progress(`PostgreSQL ${database.server.majorVersion}`, `${database.server.host}:${database.server.port}, login ${database.login}`);
  return database;
}

async function bringUpVault(processes: Processes, progress: Progress): Promise<RunningVault> {
  const vault = await startVault(processes.directory, processes.environment, (program) => processes.keep(program, 'vault'));
  progress('vault', `${vault.apiUrl}, unsealed`);
  return vault;
}

async function bringUpDaemon(processes: Processes, progress: Progress): Promise<void> {
  const home = homeOf({ ...readEnvironment(), home: processes.homeDirectory });
  const program = new ChildProgram({
    name: 'daemon',
    file: daemonFile,
    args: ['--foreground'],
    environment: processes.environment,
  });
  processes.keep(program, 'daemon');
  const deadline = systemClock.monotonic() + daemonTimeoutMs;
  // Not asked through the command line program: that one would start a daemon where it finds none.
  while (
    !(await stat(home.socket).then(
      () => true,
      () => false,
    ))
  ) {
    if (program.failed || systemClock.monotonic() > deadline) throw new DemoFailure('the daemon did not start', program.complaints);
    await systemClock.sleep(20);
  }
  progress('daemon', `process ${program.pid ?? '?'}, own socket`);
}

interface Enrolled {
  readonly projectId: string;
  readonly machineId: string;
  readonly fingerprint: string;
}

async function enroll(sikkerkey: SikkerkeyProgram, { apiUrl, operatorId, operatorKeyFile }: RunningVault): Promise<Enrolled> {
  await sikkerkey.run(['admin', 'login', '--operator', operatorId, '--api-url', apiUrl, '--key-file', operatorKeyFile]);
  const projectId = textIn(await sikkerkey.run(['admin', 'project', 'create', 'shop']), 'projectId');
  const token = textIn(await sikkerkey.run(['admin', 'machine', 'token', '--project', projectId]), 'token');
  const machine = await sikkerkey.run(['enroll', '--api-url', apiUrl, '--name', 'demo', '--token-stdin'], { input: token });
  return { projectId, machineId: textIn(machine, 'machineId'), fingerprint: textIn(machine, 'fingerprint') };
}

async function approve(sikkerkey: SikkerkeyProgram, { machineId, fingerprint }: Enrolled, progress: Progress): Promise<void> {
  await sikkerkey.run(['admin', 'machine', 'approve', machineId, '--fingerprint', fingerprint]);
  progress('machine enrolled', `fingerprint ${fingerprint}, approved`);
}

/** The secret with the login as it is today; nothing changes in the database before it is adopted. */
async function createSecret(
  sikkerkey: SikkerkeyProgram,
  directory: string,
  { server, login, password }: ShopDatabase,
  { projectId, machineId }: Enrolled,
): Promise<string> {
  const adminPasswordFile = join(directory, 'admin-password');
  await writePrivateFile(adminPasswordFile, server.password.reveal());
  const place = ['--host', server.host, '--port', String(server.port), '--database', server.database, '--tls', 'disable'];
  const drain = ['--drain', adoptionDrain];
  const admin = ['--admin-user', server.superuser, '--admin-pass-file', adminPasswordFile];
  const secret = await sikkerkey.run(
    [
      'admin',
      'secret',
      'create-managed',
      'shop-db',
      '--project',
      projectId,
      '--username',
      login,
      '--password-stdin',
      ...place,
      ...drain,
      ...admin,
    ],
    { input: password },
  );
  const secretId = textIn(secret, 'secretId');
  const grant = (permission: string) =>
    sikkerkey.run(['admin', 'grant', 'add', secretId, '--machine', machineId, '--permission', permission]);
  await Promise.all([grant('read'), grant('rotate')]);
  return secretId;
}
