/** A port for a server that is to come back on it: not of those that systems hand out, so nobody is given it meanwhile. */
import { createServer } from 'node:net';
import { systemRandom } from '@sikkerkey/host/system-random.ts';

/** Below the ports that Linux (32768), macOS and Windows (49152) give to whoever asks for any; above those of known services. */
const firstPort = 20_000;
const lastPort = 32_000;
const attempts = 100;

/** Free on both loopback families when it was looked at. Throws where none of a hundred is. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = firstPort + Math.floor(systemRandom.fraction() * (lastPort - firstPort));
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port;
  }
  throw new Error(`no free port was found between ${firstPort} and ${lastPort}`);
}

/** A family that this host does not have takes no port. */
async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'));
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });
}
