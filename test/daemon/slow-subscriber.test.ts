/** A front end that does not read: told to begin anew, and no burden to the others. In process, to fill the socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialFact } from '@sikkerkey/daemon/agents/agent-facts.ts';
import { StateStore } from '@sikkerkey/daemon/facts/state-store.ts';
import { Dispatcher } from '@sikkerkey/daemon/local-api/dispatch.ts';
import type { Handlers } from '@sikkerkey/daemon/local-api/handler.ts';
import { type LocalServer, startLocalServer } from '@sikkerkey/daemon/local-api/server.ts';
import { createDaemonLog } from '@sikkerkey/daemon/log/daemon-log.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { stateChangeNotification, subscriberTooSlowNotification } from '@sikkerkey/protocol/local/methods.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalClient } from './local-client.ts';
import { eventually } from './programs.ts';

let directory: string;
let server: LocalServer;
let state: StateStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-'));
  state = new StateStore({ bootId: 'boot', pid: 1, version: '0', wireVersion: 1, startedAt: 0, home: directory, journal: 'ok' });
  const log = createDaemonLog(systemRandom, { write: () => undefined }, 'silent');
  const dispatcher = new Dispatcher({} as Handlers, systemClock, new AbortController().signal);
  const socket = join(directory, 's');
  server = await startLocalServer(socket, join(socket, 'x'), { dispatcher, state, log, features: [], role: 'view' }, systemClock);
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

test('a subscriber that does not read is told so, after what it had been sent in order; another one misses nothing', async () => {
  const path = join(directory, 's', 'x');
  const [slow, quick] = await Promise.all([LocalClient.open(path), LocalClient.open(path)]);
  await Promise.all([slow.call('state.subscribe', {}), quick.call('state.subscribe', {})]);
  slow.socket.pause();

  const name = 'n'.repeat(60_000);
  for (let n = 1; n <= 300; n += 1) {
    state.putAgent({ ...initialFact({ secretId: 'sk_1', vaultId: 'vault_1', running: true, connection: null }, n), name });
    await new Promise((resolve) => setImmediate(resolve));
    if (n % 10 === 0) await eventually('the quick one keeps up', () => quick.notifications.length >= n);
  }
  slow.socket.resume();
  await eventually('the slow one hears it', () => slow.notifications.at(-1)?.method === subscriberTooSlowNotification);

  const sequences = slow.notifications.slice(0, -1).map((one) => (one.params as { sequence: number }).sequence);
  expect(sequences).toEqual(sequences.map((_, index) => index + 1));
  expect(sequences.length).toBeLessThan(300);
  expect(quick.notifications.filter((one) => one.method === stateChangeNotification)).toHaveLength(300);
  const again = await slow.call('state.subscribe', {});
  expect(again).toMatchObject({ sequence: 300 });
  slow.close();
  quick.close();
}, 30_000);

test('a role that does not suffice is told which one does', async () => {
  const client = await LocalClient.open(join(directory, 's', 'x'));

  const refused = await client.call('daemon.stop', {}).catch((error: unknown) => error);

  expect(refused).toMatchObject({ data: { code: 'not-permitted', details: { needed: 'admin', role: 'view' } } });
  client.close();
});
