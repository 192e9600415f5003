import { type RotationVault, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { describe, expect, test } from 'vitest';
import type { FakeClock } from '../../test/support/fake-clock.ts';
import { makeAgent, vaultWithNothing } from '../../test/support/steered-agent.ts';
import type { Agent } from './agent.ts';

describe('an agent in the middle of a pause that a vault that was away made it take', () => {
  /** Its claims get no answer until `comesBack`; `answered` tells in which of the prepared runs they then got one. */
  async function makePausing(): Promise<{
    agent: Agent;
    clock: FakeClock;
    comesBack: () => void;
    answered: number[];
    prepared: () => number;
    tries: () => number;
    hasPaused: () => Promise<void>;
  }> {
    let isAway = true;
    let runs = 0;
    let tries = 0;
    const answered: number[] = [];
    const nothing = vaultWithNothing(null);
    const { agent, clock } = makeAgent(async (secretId, ...how) => {
      runs += 1;
      const run = runs;
      const prepared = await nothing.prepare(secretId, ...how);
      const claim: RotationVault['claim'] = (...asked) => {
        tries += 1;
        if (isAway) return Promise.reject(new VaultUnreachable('connection-refused'));
        answered.push(run);
        return prepared.drive.vault.claim(...asked);
      };
      return { ...prepared, drive: { ...prepared.drive, vault: { ...prepared.drive.vault, claim } } };
    });
    await agent.start();
    const hasPaused = async (): Promise<void> => {
      for (let paused = 0; paused < 60_000; paused += 1_000) await clock.advance(1_000);
      expect(agent.fact.state).toBe('VAULT_UNREACHABLE');
    };
    const comesBack = (): void => {
      isAway = false;
    };
    return { agent, clock, comesBack, answered, prepared: () => runs, tries: () => tries, hasPaused };
  }

  test('tries again at once where a person asks, in the same run, which keeps what it has learnt', async () => {
    const { agent, clock, comesBack, answered, prepared, hasPaused } = await makePausing();
    agent.ring();
    await hasPaused();
    const before = prepared();
    comesBack();

    agent.ring();
    await clock.advance(100);
    expect(answered).toEqual([]);
    agent.goOnNow();
    await clock.advance(0);

    expect(answered[0]).toBe(before);
    await agent.stop(0);
  });

  test('begins anew where what it works with has changed', async () => {
    const { agent, clock, comesBack, answered, prepared, hasPaused } = await makePausing();
    agent.ring();
    await hasPaused();
    const before = prepared();
    comesBack();

    await agent.goOnAnew();
    await clock.advance(0);

    expect(answered).toEqual([before + 1]);
    await agent.stop(0);
  });

  test('goes on with the repair that somebody else waits for, where a person asks for a rotation', async () => {
    const { agent, clock, comesBack, answered, prepared, hasPaused } = await makePausing();
    const answeredAtEnd = agent.repair({ request: {}, fits: null }, new AbortController().signal).then(() => answered.slice());
    await hasPaused();
    const before = prepared();
    comesBack();

    agent.goOnNow();
    await clock.advance(0);

    expect(await answeredAtEnd).toEqual([before]);
    expect(agent.fact.state).toBe('IDLE');
    await agent.stop(0);
  });

  test('waits out the pauses of later work, whenever a person asked before', async () => {
    const { agent, clock, tries } = await makePausing();
    agent.goOnNow();

    await clock.advance(100);

    expect(tries()).toBe(1);
    const stopped = agent.stop(0);
    await clock.advance(0);
    await stopped;
  });
});
