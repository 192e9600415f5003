/** Starts the server's process on a free port, waits until it is ready, and ends it. */
import type { ChildProcess } from 'node:child_process';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { freePort } from '../free-port.ts';
import { type ServerUser, startGuarded } from './guard.ts';

export interface Place {
  /** Directory of the log, the sockets and the certificates. */
  readonly base: string;
  readonly data: string;
  readonly temporary: boolean;
}

export interface Running {
  readonly pid: number;
  readonly exited: Promise<void>;
  hasExited(): boolean;
}

interface LaunchOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
  readonly port?: number;
}

const readyTimeoutMs = 30_000;
const stopTimeoutMs = 5_000;
const retryLimit = 20;

/**
 * The port was taken between choosing and binding, or the orphans of a killed server are still leaving the data
 * directory: both pass within moments.
 */
const passingFailure = /could not bind|pre-existing shared memory block|lock file "postmaster.pid" already exists/;

/** Throws with the tail of the server's log when it does not become ready. */
export async function launch(
  place: Place,
  binDirectory: string,
  user: ServerUser | null,
  options: LaunchOptions,
): Promise<{ readonly port: number; readonly running: Running }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const logStart = await stat(join(place.base, 'server.log')).then(
      ({ size }) => size,
      () => 0,
    );
    const staleLock = await readLockFile(place);
    const running = await untilReady(place, await spawnServer(place, binDirectory, user, port, options), staleLock);
    if (running !== null) return { port, running };
    const log = (await readFile(join(place.base, 'server.log'))).subarray(logStart).toString('utf8');
    if (attempt === retryLimit || !passingFailure.test(log)) {
      throw new Error(`PostgreSQL did not start: ${log.trim().split('\n').slice(-6).join(' | ')}`);
    }
    await systemClock.sleep(100);
  }
}

/** Fast shutdown (SIGINT) or a crash (SIGKILL); an immediate one when the first takes too long. Resolves when it is gone. */
export async function endServer(running: Running, place: Place, signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  if (!running.hasExited()) process.kill(running.pid, signal);
  const over = new AbortController();
  const late = systemClock.sleep(stopTimeoutMs, over.signal).then(
    () => {
      if (!running.hasExited()) process.kill(running.pid, 'SIGQUIT');
    },
    () => undefined,
  );
  await running.exited;
  over.abort();
  await late;
  if (place.temporary) await rm(place.base, { recursive: true, force: true, maxRetries: 10 });
}

async function spawnServer(
  place: Place,
  binDirectory: string,
  user: ServerUser | null,
  port: number,
  options: LaunchOptions,
): Promise<ChildProcess> {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: join(place.base, 's'),
    max_connections: '200',
    shared_buffers: '32MB',
    fsync: 'off',
    full_page_writes: 'off',
    ...(options.tls === true ? { ssl: 'on' } : {}),
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = await open(join(place.base, 'server.log'), 'a', 0o600);
  try {
    const removeWhenOrphaned = place.temporary ? place.base : null;
    const command = [join(binDirectory, 'postgres'), '-D', place.data, '-p', String(port), ...flags];
    return await startGuarded(user, { cwd: place.base, removeWhenOrphaned, logDescriptor: log.fd }, command);
  } finally {
    await log.close();
  }
}

async function readLockFile(place: Place): Promise<string> {
  return readFile(join(place.data, 'postmaster.pid'), 'utf8').catch(() => '');
}

/** Null when the server ended instead. Throws when it is neither ready nor over in time, or cannot be started at all. */
async function untilReady(place: Place, guard: ChildProcess, staleLock: string): Promise<Running | null> {
  let over = false;
  const exited = new Promise<void>((resolve, reject) => {
    guard.once('error', reject);
    guard.once('exit', () => {
      over = true;
      resolve();
    });
  });
  exited.catch(() => undefined);
  const deadline = systemClock.monotonic() + readyTimeoutMs;
  while (!over && guard.pid !== undefined && systemClock.monotonic() < deadline) {
    const lock = await readLockFile(place);
    const lines = lock.split('\n');
    // The file that a crash left behind says ready too, about a dead server.
    if (lock !== staleLock && lines[7]?.trim() === 'ready') return { pid: Number(lines[0]), exited, hasExited: () => over };
    await systemClock.sleep(15);
  }
  guard.stdin?.destroy();
  await exited;
  if (!over) throw new Error('PostgreSQL was neither ready nor over in time');
  return null;
}
