import { VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { describe, expect, test } from 'vitest';
import type { FakeClock } from '../../test/support/fake-clock.ts';
import { claimingBy, makeAgent, vaultWithNothing } from '../../test/support/steered-agent.ts';
import type { Agent } from './agent.ts';

describe('an agent in the middle of a pause that a vault that was away made it take', () => {
  /** Its claims get no answer until `comesBack`, a minute later, which tells in which run that was; `answered`: in which they then got one. */
  async function makePausing(): Promise<{
    agent: Agent;
    clock: FakeClock;
    comesBack: () => Promise<number>;
    answered: number[];
    tries: () => number;
  }> {
    let isAway = true;
    let runs = 0;
    let tries = 0;
    const answered: number[] = [];
    const prepare = claimingBy(vaultWithNothing(null).prepare, (ask) => {
      tries += 1;
      if (isAway) return Promise.reject(new VaultUnreachable('connection-refused'));
      answered.push(runs);
      return ask();
    });
    const { agent, clock } = makeAgent(async (secretId, ...how) => {
      runs += 1;
      return prepare(secretId, ...how);
    });
    await agent.start();
    const comesBack = async (): Promise<number> => {
      for (let paused = 0; paused < 60_000; paused += 1_000) await clock.advance(1_000);
      expect(agent.fact.state).toBe('VAULT_UNREACHABLE');
      isAway = false;
      return runs;
    };
    return { agent, clock, comesBack, answered, tries: () => tries };
  }

  test('tries again at once where a person asks, in the same run, which keeps what it has learnt', async () => {
    const { agent, clock, comesBack, answered } = await makePausing();
    agent.ring();
    const before = await comesBack();

    agent.ring();
    await clock.advance(100);
    expect(answered).toEqual([]);
    agent.goOnNow();
    await clock.advance(0);

    expect(answered[0]).toBe(before);
    await agent.stop(0);
  });

  test('begins anew where what it works with has changed', async () => {
    const { agent, clock, comesBack, answered } = await makePausing();
    agent.ring();
    const before = await comesBack();

    await agent.goOnAnew();
    await clock.advance(0);

    expect(answered).toEqual([before + 1]);
    await agent.stop(0);
  });

  test('goes on with the repair that somebody else waits for, where a person asks for a rotation', async () => {
    const { agent, clock, comesBack, answered } = await makePausing();
    const answeredAtEnd = agent.repair({ request: {}, fits: null }, new AbortController().signal).then(() => answered.slice());
    const before = await comesBack();

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
