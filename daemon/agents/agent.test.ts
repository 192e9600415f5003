import {
  EngineFailure,
  JournalUnavailable,
  type RotationJournal,
  type RotationVault,
  VaultDenied,
  VaultUnreachable,
} from '@sikkerkey/core/rotation/ports.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import { describe, expect, test } from 'vitest';
import { claimingBy, journalOf, makeAgent, notAsked, random, vaultWithNothing } from '../../test/support/steered-agent.ts';
import type { Agent } from './agent.ts';
import type { PreparedAgent } from './agent-deps.ts';
import { heartbeatOf } from './agent-facts.ts';
import { Agents } from './agents.ts';
import { fact, work } from './fixture.ts';
import { firstLookWithinMs, firstProbeInMs, probePeriodMs } from './pace.ts';
import type { LocalConnection } from './registry.ts';

describe('an agent whose database holds a newer epoch than its vault', () => {
  const resting = fact({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });

  test('claims nothing however often it is rung or told to look, so that no counting catches up with that epoch', async () => {
    const { claims, prepare } = vaultWithNothing(null, () => Promise.resolve(7));
    const { agent, clock } = makeAgent(prepare, null, resting);
    await agent.start();

    for (let round = 0; round < 20; round += 1) {
      agent.hearWork(work({ phase: 'pending', rotationId: 'rot_1' }));
      await clock.advance(60_000);
      await clock.waitUntilSleeping();
    }

    await agent.repair({ request: {}, fits: null }, new AbortController().signal);
    await expect(agent.repair({ request: {}, fits: 'login-missing' }, new AbortController().signal)).rejects.toMatchObject({
      code: 'repair-does-not-fit',
    });

    expect(claims()).toBe(0);
    expect(agent.fact).toMatchObject({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });
    await agent.stop(0);
  });

  test.each([
    { name: 'the vault', error: new VaultUnreachable('timeout') },
    { name: 'the database', error: new EngineFailure('transient', '57P03') },
  ])('stays where it is while $name gives no answer', async ({ error }) => {
    const { claims, prepare } = vaultWithNothing(null, () => Promise.reject(error));
    const { agent, clock } = makeAgent(prepare, null, resting);
    await agent.start();

    await clock.advance(120_000);
    await clock.waitUntilSleeping();

    expect(claims()).toBe(0);
    expect(agent.fact).toMatchObject({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });
    await agent.stop(0);
  });

  test('goes on by itself once that epoch has gone, within a minute', async () => {
    let ahead: number | null = 7;
    const { claims, prepare } = vaultWithNothing(null, () => Promise.resolve(ahead));
    const { agent, clock } = makeAgent(prepare, null, resting);
    await agent.start();
    await clock.waitUntilSleeping();
    ahead = null;

    await clock.advance(60_000);
    await clock.waitUntilSleeping();

    expect(claims()).toBe(1);
    expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: null });
    await agent.stop(0);
  });

  test('goes on at once where a person accepts an epoch that has gone meanwhile', async () => {
    let ahead: number | null = 7;
    const { claims, prepare } = vaultWithNothing(null, () => Promise.resolve(ahead));
    const { agent, clock } = makeAgent(prepare, null, resting);
    await agent.start();
    await clock.waitUntilSleeping();
    ahead = null;

    await agent.repair({ request: {}, fits: 'epoch-ahead', prepare: notAsked }, new AbortController().signal);
    await clock.waitUntilSleeping();

    expect(claims()).toBe(1);
    expect(agent.fact.errorCode).toBeNull();
    await agent.stop(0);
  });
});

describe('an agent whose vault refuses it', () => {
  test.each([
    { name: 'a denial', error: new VaultDenied('access-denied'), state: 'ACCESS_DENIED', againWithinMs: 80_000, notWithinMs: 40_000 },
    { name: 'no answer', error: new VaultUnreachable('timeout'), state: 'VAULT_UNREACHABLE', againWithinMs: 13_000, notWithinMs: 6_000 },
  ])('shows $state for $name, asks again slowly, and never ends', async ({ error, state, againWithinMs, notWithinMs }) => {
    let asked = 0;
    const { agent, clock } = makeAgent(() => {
      asked += 1;
      return Promise.reject(error);
    });
    await agent.start();
    await clock.waitUntilSleeping();
    expect(agent.fact).toMatchObject({ state, errorCode: error.code });
    const before = asked;

    await clock.advance(notWithinMs);
    expect(asked).toBe(before);
    await clock.advance(againWithinMs - notWithinMs);
    await clock.waitUntilSleeping();

    expect(asked).toBeGreaterThan(before);
    expect(agent.isRunning).toBe(true);
    await agent.stop(0);
    expect(agent.isRunning).toBe(false);
  });

  test('is asked again at once when it says that access is granted anew, and slowly while it says so and refuses', async () => {
    let tries = 0;
    const prepare = claimingBy(vaultWithNothing(null).prepare, () => {
      tries += 1;
      return Promise.reject(new VaultDenied('access-denied'));
    });
    const { agent, clock } = makeAgent(prepare);
    await agent.start();
    agent.ring();
    await clock.advance(0);
    const hear = async (access: 'granted' | 'denied'): Promise<number> => {
      const before = tries;
      agent.hearWork(work({ access, phase: 'pending', rotationId: 'rot_1' }));
      if (access === 'granted') agent.hearOffer();
      await clock.advance(0);
      expect(agent.fact.state).toBe('ACCESS_DENIED');
      return tries - before;
    };

    expect(await hear('granted')).toBe(1);
    for (let answers = 0; answers < 100; answers += 1) expect(await hear('granted')).toBe(0);
    expect([await hear('denied'), await hear('granted')]).toEqual([0, 1]);
    await agent.stop(0);
  });

  test('shows a failure that nobody expected by its reference only', async () => {
    const { agent, clock } = makeAgent(() => Promise.reject(new TransportFailure('timeout', { cause: new Error('canary-text') })));
    await agent.start();
    await clock.waitUntilSleeping();

    expect(agent.fact).toMatchObject({ state: 'DATABASE_UNREACHABLE', errorCode: 'internal-failure' });
    expect(JSON.stringify(agent.fact)).not.toContain('canary');
    await agent.stop(0);
  });
});

describe('an agent at work', () => {
  test('lets a stop interrupt what hangs, at the latest after the time it is given', async () => {
    const { agent, clock } = makeAgent(
      (_secretId, signal) =>
        new Promise<PreparedAgent>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    );
    await agent.start();
    agent.ring();
    await clock.advance(0);
    const stopped = agent.stop(5_000);

    await clock.waitUntilSleeping();
    await clock.advance(5_000);

    await stopped;
    expect(agent.isRunning).toBe(false);
  });

  test('runs exclusive work alone, after interrupting its own', async () => {
    const order: string[] = [];
    const { agent, clock } = makeAgent(
      (_secretId, signal) =>
        new Promise<PreparedAgent>((_resolve, reject) => {
          order.push('begun');
          signal.addEventListener('abort', () => {
            order.push('interrupted');
            reject(new Error('aborted'));
          });
        }),
    );
    await agent.start();
    await clock.advance(0);

    await agent.exclusively(async () => {
      order.push('exclusive');
    });

    expect(order.slice(0, 3)).toEqual(['begun', 'interrupted', 'exclusive']);
    const stopped = agent.stop(1);
    await clock.advance(10);
    await stopped;
  });

  test('works once more where it is rung after a run has asked the vault, and has seen nothing to do', async () => {
    const nothing = vaultWithNothing(null);
    const looks: (() => void)[] = [];
    const prepare = claimingBy(nothing.prepare, async (ask) => {
      const outcome = await ask();
      looks.shift()?.();
      return outcome;
    });
    const { agent, clock } = makeAgent(prepare);
    looks.push(() => agent.ring());
    await agent.start();
    agent.ring();
    await clock.waitUntilSleeping();
    await clock.advance(0);

    expect(nothing.claims()).toBe(2);
    await clock.advance(5_000);
    expect(nothing.claims()).toBe(2);
    await agent.stop(0);
  });

  test('tells the vault of a change of state, and of nothing else', () => {
    const { agent, announced } = makeAgent(() => Promise.reject(new VaultUnreachable('timeout')));

    agent.acknowledged();
    expect(announced()).toBe(0);
    agent.change({ ...agent.fact, state: 'DRIFT' });

    expect(announced()).toBe(1);
    expect(heartbeatOf(agent.fact).state).toBe('DRIFT');
  });
});

describe('an agent that is blocked', () => {
  test('waits for its own pause: an answer that names the same work again wakes nothing', async () => {
    let claims = 0;
    const nothing = vaultWithNothing(null).prepare;
    const claim: RotationVault['claim'] = () => {
      claims += 1;
      const versions = { live: { version: 2, slot: 'a' }, pending: { version: 3, slot: 'b' }, previous: null } as const;
      const granted = { secretId: 'sk_1', rotationId: 'rot_1', epoch: claims, strategy: 'flip', phase: 'pending', versions } as const;
      return Promise.resolve({ kind: 'claimed', claim: { ...granted, credentials: new Map() } });
    };
    const journal: RotationJournal = { ...journalOf(null), write: () => Promise.reject(new JournalUnavailable('ENOSPC')) };
    const { agent, clock } = makeAgent(async (secretId, ...how) => {
      const prepared = await nothing(secretId, ...how);
      return { ...prepared, drive: { vault: { ...prepared.drive.vault, claim }, journal } };
    });
    await agent.start();
    agent.ring();
    await clock.waitUntilSleeping();
    expect(agent.fact.state).toBe('JOURNAL_UNAVAILABLE');
    const before = claims;

    for (let answers = 0; answers < 5; answers += 1) {
      agent.hearWork(work({ phase: 'pending', rotationId: 'rot_1' }));
      await clock.advance(100);
    }

    expect(claims).toBe(before);
    await clock.advance(120_000);
    expect(claims).toBeGreaterThan(before);
    await agent.stop(0);
  });
});

describe('an agent on a host that was suspended', () => {
  const row: JournalRow = {
    secretId: 'sk_1',
    rotationId: 'rot_1',
    epoch: 4,
    strategy: 'flip',
    goal: 'apply',
    versions: { live: { version: 2, slot: 'a' }, pending: { version: 3, slot: 'b' }, previous: null },
    credentials: new Map(),
    serverFingerprint: null,
  };

  test('claims nothing new for a minute, says why, and goes on by itself', async () => {
    const { claims, prepare } = vaultWithNothing(null);
    const { agent, clock } = makeAgent(prepare);
    await agent.start();
    await clock.waitUntilSleeping();
    agent.ring();
    await clock.advance(1_000);
    const before = claims();

    clock.jump(3_600_000);
    agent.ring();
    await clock.advance(59_000);

    expect(before).toBe(1);
    expect(claims()).toBe(before);
    expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: 'held-after-resume' });
    await clock.advance(2_000);
    expect(claims()).toBeGreaterThan(before);
    expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: null });
    await agent.stop(0);
  });

  test('goes on at once with what was under way', async () => {
    const { claims, prepare } = vaultWithNothing(row);
    const { agent, clock } = makeAgent(prepare, row);
    clock.jump(3_600_000);
    await agent.start();
    await clock.advance(1_000);

    expect(claims()).toBeGreaterThan(0);
    await agent.stop(0);
  });
});

describe('the pace of many agents', () => {
  test('is at most one look for drift a second, and four first looks', () => {
    expect([probePeriodMs(1), probePeriodMs(1_000)]).toEqual([600_000, 1_000_000]);
    expect([firstLookWithinMs(1), firstLookWithinMs(1_000)]).toEqual([0, 500_000]);
    expect(firstProbeInMs(1, random)).toBeLessThan(15_000);
    expect(firstProbeInMs(1_000, random)).toBe(510_000);
  });
});

describe('the poll of a vault without a stream', () => {
  const connection: LocalConnection = {
    provider: 'postgresql',
    host: 'localhost',
    port: 5432,
    database: 'postgres',
    adminUser: 'postgres',
    tls: 'disable',
    ca: null,
    usernameField: null,
    passwordField: null,
    pollIntervalSeconds: null,
    probeQuery: null,
  };

  test('keeps the shortest interval that a running agent was given', async () => {
    const { prepare } = vaultWithNothing(null);
    const made: Agent[] = [];
    const agents = new Agents(
      (shown) => {
        const { agent } = makeAgent(prepare, null, shown);
        made.push(agent);
        return agent;
      },
      () => 0,
    );
    const put = (secretId: string, pollIntervalSeconds: number | null): Agent =>
      agents.put({ secretId, vaultId: 'vault_1', running: true, connection: { ...connection, pollIntervalSeconds } });
    const intervalMs = (): number => agents.ofVault('vault_1').pollIntervalMs();

    expect(intervalMs()).toBe(10_000);
    await put('sk_1', 60).start();
    expect(intervalMs()).toBe(60_000);
    await put('sk_2', null).start();
    expect(intervalMs()).toBe(10_000);
    put('sk_3', 5);
    expect(intervalMs()).toBe(10_000);
    put('sk_1', 7);
    expect(intervalMs()).toBe(7_000);
    await Promise.all(made.map((agent) => agent.stop(0)));
  });
});

describe('what seals for a vault whose identity is being replaced', () => {
  test('waits for the end of it, and the other vaults wait for nothing', async () => {
    const agents = new Agents(
      (shown) => makeAgent(notAsked, null, shown).agent,
      () => 0,
    );
    const replaced = Promise.withResolvers<void>();
    const done: string[] = [];
    const replacement = agents.alone('vault_1', () => replaced.promise.then(() => void done.push('replaced')));

    const sealing = agents.inTurn('vault_1', () => void done.push('sealed'));
    await agents.inTurn('vault_2', () => void done.push('sealed for another'));
    expect(done).toEqual(['sealed for another']);
    replaced.resolve();
    await Promise.all([replacement, sealing]);

    expect(done).toEqual(['sealed for another', 'replaced', 'sealed']);
  });

  test('is not held up by a replacement that failed', async () => {
    const agents = new Agents(
      (shown) => makeAgent(notAsked, null, shown).agent,
      () => 0,
    );
    const failed = agents.alone('vault_1', () => Promise.reject(new Error('refused')));

    expect(await agents.inTurn('vault_1', () => 'sealed')).toBe('sealed');
    await expect(failed).rejects.toThrow('refused');
  });
});
