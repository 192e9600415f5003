import type { Snapshot } from '@sikkerkey/protocol/local/state.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { FakeClock } from '@sikkerkey/test/support/fake-clock.ts';
import { describe, expect, test } from 'vitest';
import type { ConnectionEnd } from '../client/connection.ts';
import type { DaemonClient } from '../client/daemon-client.ts';
import { DaemonError } from '../client/daemon-error.ts';
import { followDaemon } from './follow-daemon.ts';

const now = 1_700_000_000_000;
const daemon = { bootId: 'b1', pid: 1, version: '1', wireVersion: 1, startedAt: now, home: '/h', journal: 'ok' as const };

/** A daemon in memory: each connection gets the snapshot as it is then. */
function makeDaemon() {
  let listeners: ((method: string, params: unknown) => void)[] = [];
  let closers: ((reason: ConnectionEnd) => void)[] = [];
  const fake = {
    up: true,
    connections: 0,
    sequence: 0,
    agentState: 'IDLE',
    snapshot: (): Snapshot => ({
      sequence: fake.sequence,
      daemon,
      vaults: [makeVaultFact()],
      agents: [makeAgentFact(now, { state: fake.agentState })],
    }),
    change: (state: string, step = 1) => {
      fake.sequence += step;
      fake.agentState = state;
      const params = { sequence: fake.sequence, slice: 'agent', value: makeAgentFact(now, { state }) };
      for (const listener of listeners) listener('state.change', params);
    },
    tooSlow: () => {
      for (const listener of listeners) listener('state.tooSlow', {});
    },
    die: () => {
      fake.up = false;
      const told = closers;
      listeners = [];
      closers = [];
      for (const close of told) close('closed');
    },
    connect: (): Promise<DaemonClient> => {
      if (!fake.up) return Promise.reject(new DaemonError({ code: 'daemon-not-running', retryable: true, details: { socket: '/s' } }));
      fake.connections += 1;
      const client: DaemonClient = {
        hello: Promise.resolve({ wireVersion: 1, daemonVersion: '1', bootId: 'b1', features: [], role: 'admin' }),
        call: () => Promise.resolve(fake.snapshot() as never),
        onNotification: (listener) => {
          listeners.push(listener);
          return () => {
            listeners = listeners.filter((other) => other !== listener);
          };
        },
        onClose: (listener) => {
          closers.push(listener);
        },
        close: () => {
          listeners = [];
        },
      };
      return Promise.resolve(client);
    },
  };
  return fake;
}

function follow() {
  const clock = new FakeClock(now);
  const fake = makeDaemon();
  const follower = followDaemon({ connect: fake.connect, clock });
  const state = () => follower.current().state?.agents[0]?.state;
  return { clock, fake, follower, state };
}

describe('following the daemon', () => {
  test('shows the snapshot, then each change', async () => {
    const { clock, fake, follower, state } = follow();
    await clock.waitUntilSleeping();

    expect(follower.current().kind).toBe('live');
    fake.change('SEALED');

    expect(state()).toBe('SEALED');
    follower.stop();
  });

  test('begins anew after a gap, and never says that the daemon was lost', async () => {
    const { clock, fake, follower, state } = follow();
    await clock.waitUntilSleeping();
    const kinds: string[] = [];
    follower.subscribe(() => kinds.push(follower.current().kind));

    fake.change('APPLIED', 2);
    await clock.advance(1000);

    expect(state()).toBe('APPLIED');
    expect(fake.connections).toBe(2);
    expect(kinds).not.toContain('lost');
    follower.stop();
  });

  test('begins anew when the daemon found it too slow', async () => {
    const { clock, fake, follower } = follow();
    await clock.waitUntilSleeping();

    fake.tooSlow();
    await clock.advance(1000);

    expect(fake.connections).toBe(2);
    expect(follower.current().kind).toBe('live');
    follower.stop();
  });

  test('says lost with the reason and keeps what was known, then comes back by itself', async () => {
    const { clock, fake, follower, state } = follow();
    await clock.waitUntilSleeping();

    fake.die();
    await clock.advance(2000);
    expect(follower.current()).toMatchObject({ kind: 'lost', code: 'daemon-not-running', details: { socket: '/s' } });
    expect(state()).toBe('IDLE');
    fake.up = true;
    await clock.advance(6000);

    expect(follower.current().kind).toBe('live');
    follower.stop();
  });

  test('keeps the moment of the loss through every try that fails', async () => {
    const { clock, fake, follower } = follow();
    await clock.waitUntilSleeping();

    fake.die();
    await clock.advance(100);
    const link = follower.current();
    const since = link.kind === 'lost' ? link.since : null;
    await clock.advance(20_000);

    expect(since).not.toBeNull();
    expect(follower.current()).toMatchObject({ kind: 'lost', since });
    follower.stop();
  });

  test('notices a daemon that has gone silent, as after the sleep of a laptop', async () => {
    const { clock, fake, follower } = follow();
    await clock.waitUntilSleeping();

    await clock.advance(13_000);
    await clock.advance(1000);

    expect(fake.connections).toBeGreaterThan(1);
    follower.stop();
  });

  test('says connecting for a moment before it says not running', async () => {
    const clock = new FakeClock(now);
    const fake = makeDaemon();
    fake.up = false;
    const follower = followDaemon({ connect: fake.connect, clock });

    await clock.waitUntilSleeping();
    expect(follower.current().kind).toBe('connecting');
    await clock.advance(10_000);

    expect(follower.current()).toMatchObject({ kind: 'lost', state: null });
    follower.stop();
  });
});
