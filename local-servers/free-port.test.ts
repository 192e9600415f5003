import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freePort } from './free-port.ts';

const fractionOf = (port: number): number => (port - 20_000 + 0.5) / 12_000;

test('a port that somebody listens on is passed over', async () => {
  const server = createServer().listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port: taken } = server.address() as { port: number };
  const drawn = [taken, ...Array.from({ length: 50 }, (_, further) => 25_000 + further)];

  const given = await freePort({ fraction: () => fractionOf(drawn.shift() ?? 0) });

  server.close();
  expect(given).not.toBe(taken);
  expect(given).toBeGreaterThanOrEqual(25_000);
});

test.runIf(process.platform === 'linux')('a port is given to one process only, before its server has bound it', async () => {
  const taken = await freePort();
  const script = `import { freePort } from ${JSON.stringify(new URL('free-port.ts', import.meta.url).href)};
    const drawn = [0, 1, 2, 3, 4, 5].map((further) => (${taken} - 20_000 + 0.5 + further) / 12_000);
    console.log(await freePort({ fraction: () => drawn.shift() ?? 0 }));`;

  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: import.meta.dirname });

  expect(Number(stdout)).toBeGreaterThan(taken);
});
