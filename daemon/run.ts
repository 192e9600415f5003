/** The daemon's life: lock, parts, socket, work; then an orderly end that leaves the rest to the journal. */
import { join } from 'node:path';
import { startLoop } from '@sikkerkey/core/loop.ts';
import { keepMemoryOutOfCoreDumps } from '@sikkerkey/host/core-dumps.ts';
import { keepDebuggerShut } from '@sikkerkey/host/debugger.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { failpoint } from '@sikkerkey/host/failpoint.ts';
import { type Home, homeOf } from '@sikkerkey/host/home.ts';
import { ensurePrivateDirectory, UnsafePath } from '@sikkerkey/host/private-files.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { DaemonArguments } from './arguments.ts';
import { composeDaemon } from './compose.ts';
import { checkPathLength } from './local-api/private-socket.ts';
import { startLocalServer } from './local-api/server.ts';
import { createDaemonLog } from './log/daemon-log.ts';
import { openLogDestination } from './log/log-destination.ts';
import { takeInstanceLock } from './single-instance.ts';
import { daemonVersion } from './version.ts';

const aliveMs = 5_000;
/** So that the answer to `daemon.stop` leaves before the socket goes. */
const stopAfterMs = 50;

/** Resolves when the daemon has ended in order. Throws CatalogueError when it cannot start. */
export async function runDaemon(words: DaemonArguments): Promise<void> {
  // Everything that this process makes is for its user alone.
  process.umask(0o077);
  const environment = readEnvironment();
  const home = homeOf(words.home === undefined ? environment : { ...environment, home: words.home });
  checkPathLength(home.socket);
  await makeHome(home);
  const lock = takeInstanceLock(home.daemonLockFile);
  const log = createDaemonLog(systemRandom, openLogDestination(words.foreground ? null : join(home.daemon, 'daemon.log')));
  keepDebuggerShut();
  if (!keepMemoryOutOfCoreDumps()) log.warn('core-dumps-possible', {});
  const asked = Promise.withResolvers<void>();
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => asked.resolve());
  const daemon = composeDaemon({
    home,
    pid: process.pid,
    clock: systemClock,
    random: systemRandom,
    log,
    stopping: stopping.signal,
    boundary: failpoint(),
    requestStop: () => void systemClock.sleep(stopAfterMs).then(asked.resolve),
  });
  await daemon.load();
  const server = await startLocalServer(home.socketDirectory, home.socket, daemon.session, systemClock);
  log.info('daemon-started', { pid: process.pid, daemonVersion });
  await daemon.begin();
  const alive = { name: 'alive', intervalMs: aliveMs, jitter: 0, classify: (): 'retry' => 'retry' };
  const beating = startLoop(
    { ...alive, run: async () => void daemon.state.alive(systemClock.now()) },
    { clock: systemClock, random: systemRandom },
    stopping.signal,
  );
  await asked.promise;
  log.info('daemon-stopping', {});
  stopping.abort();
  await server.close();
  await daemon.end();
  await beating.done;
  lock.release();
  log.info('daemon-stopped', {});
}

async function makeHome(home: Home): Promise<void> {
  try {
    await ensurePrivateDirectory(home.daemon);
  } catch (cause) {
    throw cause instanceof UnsafePath ? new CatalogueError('home-not-private', { why: cause.why }, { cause }) : cause;
  }
}
