/**
 * Starts a server that never outlives us: a small shell holds the read end of a pipe whose write end only we have. When
 * we end, however we end, the pipe closes and the shell stops the server and removes its directory. Where `setpriv`
 * exists the kernel also stops the server should the shell be killed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '@sikkerkey/host/environment.ts';

/** Whom the programs run as: PostgreSQL refuses root. Null is the user that we are. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface GuardOptions {
  readonly cwd: string;
  readonly removeWhenOrphaned: string | null;
  /** Where what the command prints goes. */
  readonly logDescriptor: number;
}

// $1: directory to remove when we are gone, or empty; the rest: the command. While we live we remove it ourselves, after
// the log was read. 77 is the reader's word that the pipe closed.
const guardScript = `
remove=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
( read -r _ <&3; kill -QUIT "$server" 2>/dev/null; exit 77 ) &
reader=$!
wait "$server"; status=$?
kill "$reader" 2>/dev/null
wait "$reader"
if [ $? -eq 77 ] && [ -n "$remove" ]; then rm -rf -- "$remove" || { sleep 1; rm -rf -- "$remove"; }; fi
exit "$status"
`;

export async function serverUser(): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (flag: string): Promise<number> => Number((await promisify(execFile)('id', [flag, 'nobody'])).stdout.trim());
  return { uid: await id('-u'), gid: await id('-g') };
}

export async function hasSetpriv(): Promise<boolean> {
  return promisify(execFile)('setpriv', ['--version']).then(
    () => true,
    () => false,
  );
}

/** The command that runs another one as that user; the process id stays the same. */
async function asServerUser(user: ServerUser | null): Promise<readonly string[]> {
  const identity = user === null ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  if (await hasSetpriv()) return ['setpriv', ...identity, '--pdeathsig=QUIT', '--'];
  if (user !== null) throw new Error('as root, setpriv (package util-linux) is needed to start PostgreSQL');
  return [];
}

/** Starts the guard with the server below it, in its own process group: an interrupt from the terminal is ours to handle. */
export async function startGuarded(user: ServerUser | null, options: GuardOptions, command: readonly string[]): Promise<ChildProcess> {
  const whole = [...(await asServerUser(user)), ...command];
  return spawn('/bin/sh', ['-c', guardScript, 'sh', options.removeWhenOrphaned ?? '', ...whole], {
    cwd: options.cwd,
    detached: true,
    env: childEnvironment({ LC_ALL: 'C' }),
    stdio: ['pipe', options.logDescriptor, options.logDescriptor],
  });
}

/** The same for a command that ends by itself. Throws when it fails; the log says why. */
export async function runGuarded(user: ServerUser | null, options: GuardOptions, command: readonly string[]): Promise<void> {
  const guard = await startGuarded(user, options, command);
  const code = await new Promise<number | null>((resolve, reject) => {
    guard.once('error', reject);
    guard.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`${command[0] ?? ''} ended with ${code}`);
}
