/** A port for a server that is to come back on it: not of those that systems hand out, so nobody is given it meanwhile. */
import { createServer } from 'node:net';
import { systemRandom } from '@sikkerkey/host/system-random.ts';

/** Below the ports that Linux (32768), macOS and Windows (49152) give to whoever asks for any; above those of known services. */
const firstPort = 20_000;
const lastPort = 32_000;
const attempts = 100;

/**
 * Free on both loopback families when it was looked at, and given to nobody else here while this process lives. Throws where
 * none of a hundred is.
 */
export async function freePort(random: { fraction(): number } = systemRandom): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = firstPort + Math.floor(random.fraction() * (lastPort - firstPort));
    if ((await reserve(port)) && (await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port;
  }
  throw new Error(`no free port was found between ${firstPort} and ${lastPort}`);
}

/**
 * False where another process has it; else it is ours from now on. Between a look and the bind of the server lie seconds on a
 * busy machine, in which another program draws the same port. The reservation is an abstract socket (unix(7)), which ends
 * with this process, however that ends; systems other than Linux have none, and there the draw alone must do.
 */
function reserve(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'));
    server.listen(`\0sikkerkey-port-${port}`, () => {
      server.unref();
      resolve(true);
    });
  });
}

/** A family that this host does not have takes no port. */
async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'));
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });
}
