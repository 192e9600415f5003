/** Every command, in the order of the help. A file is loaded when its command runs, so that none slows another down. */
import type { Command, CommandEntry } from './command.ts';
import { findInTable } from './command-form.ts';

const entry = (path: string, summary: string, load: () => Promise<Command>): CommandEntry => ({ path: path.split(' '), summary, load });

const agentCommands = [
  entry(
    'agent configure',
    'keep a database connection for a secret on this machine',
    async () => (await import('./commands/agent/configure.ts')).configure,
  ),
  entry(
    'agent test',
    'connect to the database and check privileges; changes nothing',
    async () => (await import('./commands/agent/test.ts')).test,
  ),
  entry('agent plan', 'show what a rotation would do, statement by statement', async () => (await import('./commands/agent/plan.ts')).plan),
  entry(
    'agent adopt',
    'put a login under management (shows the plan first)',
    async () => (await import('./commands/agent/adopt.ts')).adopt,
  ),
  entry('agent un-adopt', 'give a login back (shows the plan first)', async () => (await import('./commands/agent/adopt.ts')).unAdopt),
  entry('agent start', 'start an agent and follow what it does', async () => (await import('./commands/agent/start.ts')).start),
  entry('agent list', 'show the agents on this machine', async () => (await import('./commands/agent/list.ts')).list),
  entry('agent rotate', 'rotate now (shows the plan first)', async () => (await import('./commands/agent/rotate.ts')).rotate),
  entry(
    'agent repair',
    'look at the database now and bring it back to what the vault says',
    async () => (await import('./commands/agent/repair.ts')).repair,
  ),
  entry('agent stop', 'stop an agent', async () => (await import('./commands/agent/stop.ts')).stop),
  entry('agent remove', 'remove the local configuration of an agent', async () => (await import('./commands/agent/remove.ts')).remove),
];

const secretCommands = async () => import('./commands/admin/secret.ts');
const machineCommands = async () => import('./commands/admin/machine.ts');
const rotationCommands = async () => import('./commands/admin/rotation.ts');
const grantCommands = async () => import('./commands/admin/grant.ts');
const operatorCommands = async () => import('./commands/admin/operator.ts');
const projectCommands = async () => import('./commands/admin/project.ts');

const adminCommands = [
  entry('admin login', "give the daemon an operator's key", async () => (await operatorCommands()).login),
  entry('admin status', "the vault's counts", async () => (await import('./commands/admin/status.ts')).status),
  entry('admin project create', 'make a project', async () => (await projectCommands()).create),
  entry('admin project list', 'list projects', async () => (await projectCommands()).list),
  entry('admin secret create', 'make a plain or structured secret', async () => (await secretCommands()).create),
  entry(
    'admin secret create-managed',
    'make a managed secret of a database login',
    async () => (await import('./commands/admin/create-managed.ts')).createManaged,
  ),
  entry('admin secret list', 'list secrets', async () => (await secretCommands()).list),
  entry('admin secret show', 'all that is known of a secret, without its value', async () => (await secretCommands()).show),
  entry('admin secret update', 'a new version of an ordinary secret', async () => (await secretCommands()).update),
  entry('admin secret rollback', 'a new version with the value of an old one', async () => (await secretCommands()).rollback),
  entry('admin secret delete', 'delete a secret', async () => (await secretCommands()).remove),
  entry('admin secret versions', 'list the versions of a secret', async () => (await secretCommands()).versions),
  entry('admin secret schedule', 'set how often a managed secret rotates', async () => (await secretCommands()).schedule),
  entry('admin machine token', 'a one-time enrollment token', async () => (await machineCommands()).token),
  entry('admin machine list', 'list machines', async () => (await machineCommands()).list),
  entry('admin machine approve', 'approve a pending machine', async () => (await machineCommands()).approve),
  entry('admin machine deny', 'deny a pending machine', async () => (await machineCommands()).deny),
  entry('admin machine disable', 'shut a machine out', async () => (await machineCommands()).disable),
  entry('admin machine enable', 'let a disabled machine in again', async () => (await machineCommands()).enable),
  entry('admin machine attach', 'let a machine see a project', async () => (await machineCommands()).attach),
  entry('admin machine detach', 'take a machine out of a project', async () => (await machineCommands()).detach),
  entry('admin grant add', 'let a machine read or rotate a secret', async () => (await grantCommands()).add),
  entry('admin grant remove', 'take that permission back', async () => (await grantCommands()).remove),
  entry('admin grant list', 'who may do what with a secret', async () => (await grantCommands()).list),
  entry('admin rotate', 'ask for a rotation', async () => (await rotationCommands()).rotate),
  entry('admin retire-now', 'retire the old password at once, whoever holds it', async () => (await rotationCommands()).retireNow),
  entry('admin rotations', 'the rotations of a secret', async () => (await rotationCommands()).rotations),
  entry('admin audit', 'the audit log, newest first', async () => (await import('./commands/admin/audit.ts')).audit),
  entry('admin operator create', 'register another operator by public key', async () => (await operatorCommands()).create),
  entry('admin operator list', 'list operators', async () => (await operatorCommands()).list),
  entry('admin operator disable', 'shut an operator out for good', async () => (await operatorCommands()).disable),
  entry('admin operator new-key', "make an operator's key in a private file", async () => (await operatorCommands()).newKey),
];

export const commandTable: readonly CommandEntry[] = [
  entry('enroll', 'make this machine known to a vault', async () => (await import('./commands/enroll.ts')).enroll),
  entry('status', 'daemon, vaults and agents at a glance', async () => (await import('./commands/status.ts')).status),
  entry('whoami', 'the identities of this machine', async () => (await import('./commands/whoami.ts')).whoami),
  entry('get', 'print a secret or one of its fields', async () => (await import('./commands/get.ts')).get),
  entry('list secrets', 'the secrets that this machine may read', async () => (await import('./commands/list.ts')).listSecrets),
  entry('list vaults', 'the vaults that this machine is enrolled in', async () => (await import('./commands/list.ts')).listVaults),
  ...agentCommands,
  entry('daemon start', 'start the daemon', async () => (await import('./commands/daemon/start.ts')).start),
  entry('daemon stop', 'stop the daemon', async () => (await import('./commands/daemon/stop.ts')).stop),
  entry('daemon status', 'whether the daemon runs, and where', async () => (await import('./commands/daemon/status.ts')).status),
  ...adminCommands,
  entry('tui', 'the terminal console', async () => (await import('./commands/tui.ts')).tui),
  entry('completion', 'completion for bash, zsh or fish', async () => (await import('./commands/completion.ts')).completion),
  entry('version', 'print the version', async () => (await import('./commands/version.ts')).version),
  entry('help', 'show the commands', async () => (await import('./commands/help.ts')).help),
];

/** The command that these words begin with; null when there is none. */
export function findCommand(words: readonly string[]): CommandEntry | null {
  return findInTable(commandTable, words);
}
