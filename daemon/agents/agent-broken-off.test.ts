/** A run that ends by a failure that no port declares: a mistake of ours, which must neither be hidden nor make an agent spin. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { claimingBy, log, makeAgent, vaultWithNothing } from '../../test/support/steered-agent.ts';
import type { Agent } from './agent.ts';
import { fact, work } from './fixture.ts';
import { ShownFact } from './shown-fact.ts';

/** Rung once; its first `failures` claims break off. */
async function makeBreaking(
  failures: number,
  shown = fact(),
): Promise<{ agent: Agent; clock: FakeClock; tries: () => number; claims: () => number }> {
  let tries = 0;
  const nothing = vaultWithNothing(null);
  const prepare = claimingBy(nothing.prepare, (ask) => {
    tries += 1;
    return tries > failures ? ask() : Promise.reject(new Error('canary-text'));
  });
  const { agent, clock } = makeAgent(prepare, null, shown);
  await agent.start();
  await clock.advance(0);
  agent.ring();
  await clock.advance(0);
  return { agent, clock, tries: () => tries, claims: nothing.claims };
}

test('is shown by its reference only, and what it was rung for is done by the next', async () => {
  const { agent, clock, claims } = await makeBreaking(1);
  expect(agent.fact).toMatchObject({ state: 'DATABASE_UNREACHABLE', errorCode: 'internal-failure' });
  expect(JSON.stringify(agent.fact)).not.toContain('canary');

  await clock.advance(1_000);

  expect(claims()).toBe(1);
  expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: null });
  await agent.stop(0);
});

test('is tried again after its own pause: an answer that names the same work again wakes nothing', async () => {
  const { agent, clock, tries } = await makeBreaking(Number.POSITIVE_INFINITY);

  for (let answers = 0; answers < 100; answers += 1) {
    agent.hearWork(work({ phase: 'pending', rotationId: 'rot_1' }));
    await clock.advance(0);
  }

  expect(tries()).toBe(1);
  await clock.advance(30_000);
  expect(tries()).toBeGreaterThan(3);
  expect(tries()).toBeLessThan(15);
  await agent.stop(0);
});

test('leaves a rest shown that a person has to see to', async () => {
  const resting = { state: 'QUARANTINED', errorCode: 'foreign-password' };
  const { agent, tries } = await makeBreaking(1, fact(resting));

  expect(tries()).toBe(1);
  expect(agent.fact).toMatchObject(resting);
  await agent.stop(0);
});

test('leaves shown that the vault was not told of a change', () => {
  const ignored = (): void => undefined;
  const kept = { keepRest: ignored, givenUp: () => null, isLeavingSlots: () => false };
  const deps = { clock: new FakeClock(), log, show: ignored, announce: ignored, kept };
  const shown = new ShownFact(fact({ state: 'SPLIT', errorCode: 'vault-unreachable' }), deps);

  shown.breakOff(new Error('canary-text'));

  expect(shown.fact.state).toBe('SPLIT');
});
