import type { ClaimOutcome } from '@sikkerkey/core/rotation/ports.ts';
import type { Standing } from '@sikkerkey/core/rotation/quiet-look.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { createDaemonLog } from '../log/daemon-log.ts';
import { Agent } from './agent.ts';
import type { AgentDeps, PreparedAgent, Unsettled } from './agent-deps.ts';
import { initialFact } from './agent-facts.ts';
import { Agents } from './agents.ts';

const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 };
const log = createDaemonLog(random, { write: () => undefined }, 'silent');
const registered = (secretId: string) => ({ secretId, vaultId: 'vault_1', running: true, connection: null });
const configuration: AgentConfiguration = {
  secretId: 'sk_1',
  name: 'sk_1',
  provider: 'postgresql',
  strategy: 'single',
  owner: 'app',
  adopted: false,
  host: 'localhost',
  port: 5432,
  database: null,
  tls: null,
  adminUser: 'admin',
  adminPassword: 'admin-password',
  liveVersion: 1,
  nextRotationAt: null,
  adoptionRotationId: null,
};
/** Of a vault with nothing to do: the driver asks for a claim, and gets none. */
const idle = {
  configuration,
  engine: { rotation: {} },
  drive: { vault: { claim: async () => ({ kind: 'nothing' }) }, journal: { read: async () => null, knownServer: async () => null } },
} as unknown as PreparedAgent;

function depsWith(clock: FakeClock, prepare: AgentDeps['prepare']): AgentDeps {
  return {
    clock,
    random,
    log,
    journal: () => null,
    prepare,
    probePeriodMs: () => 600_000,
    firstProbeInMs: () => 10_000,
    firstLookWithinMs: () => 0,
    heldForMs: () => 0,
    show: () => undefined,
    announce: () => undefined,
    boundary: () => undefined,
    settle: () => Promise.resolve(null),
    kept: { keepRest: () => undefined, givenUp: () => null, isLeavingSlots: () => false },
  };
}

describe('an agent without work', () => {
  test('asks the vault nothing between its looks, and holds nothing that it read', async () => {
    let reads = 0;
    const clock = new FakeClock();
    const agent = new Agent(
      initialFact(registered('sk_1'), 1_000),
      depsWith(clock, () => {
        reads += 1;
        return Promise.resolve(idle);
      }),
    );
    await agent.start();
    await clock.waitUntilSleeping();
    expect(reads).toBe(1);
    await clock.advance(500_000);
    await clock.waitUntilSleeping();
    expect(reads).toBe(2);

    agent.ring();
    await clock.waitUntilSleeping();
    agent.ring();
    await clock.waitUntilSleeping();

    expect(reads).toBe(4);
    await agent.stop(0);
  });
});

describe('an agent of a secret that is not adopted', () => {
  const vaultThat = (answers: object): PreparedAgent => ({
    ...idle,
    drive: { ...idle.drive, vault: { ...idle.drive.vault, claim: async () => answers as ClaimOutcome } },
  });

  test('notices on its period that the vault has gone back behind a claim of this host', async () => {
    const clock = new FakeClock();
    const deps = depsWith(clock, () => Promise.resolve(vaultThat({ kind: 'behind' })));
    const agent = new Agent(initialFact(registered('sk_1'), 1_000), deps);
    await agent.start();
    await clock.waitUntilSleeping();
    expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: null });

    await clock.advance(10_000);
    await clock.waitUntilSleeping();

    expect(agent.fact).toMatchObject({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });
    await agent.stop(0);
  });

  test('shows what keeps its login slots until they are gone, however often it looks', async () => {
    const clock = new FakeClock();
    const shown: (string | null)[] = [];
    let left: Unsettled | null = { failure: { state: 'QUARANTINED', code: 'different-server', details: {} }, retryInMs: 60_000 };
    const deps = {
      ...depsWith(clock, () => Promise.resolve(idle)),
      settle: () => Promise.resolve(left),
      show: ({ errorCode }: AgentFact) => void (shown.at(-1) === errorCode || shown.push(errorCode)),
      journal: () => idle.drive.journal,
      kept: { keepRest: () => undefined, givenUp: () => null, isLeavingSlots: () => left !== null },
    };
    const agent = new Agent(initialFact(registered('sk_1'), 1_000), deps);
    await agent.start();
    await clock.waitUntilSleeping();
    await clock.advance(60_000);
    await clock.waitUntilSleeping();
    expect(agent.fact).toMatchObject({ state: 'QUARANTINED', errorCode: 'different-server' });

    left = null;
    await clock.advance(60_000);
    await clock.waitUntilSleeping();

    expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: null });
    expect(shown).toEqual([null, 'different-server', null]);
    await agent.stop(0);
  });
});

describe('an agent of an adopted secret', () => {
  const credentials = new Map([[1, { username: 'app', password: new SecretText('live') }]]);
  const versions = { live: { version: 1, slot: 'owner' as const }, pending: null, previous: null, retired: [] };
  const standing: Standing = { strategy: 'single', versions, credentials };

  test.each([
    { name: 'one request and no claim where the database is as the vault says', accepts: [1], claims: 0 },
    { name: 'a claim beside it where the database differs', accepts: [], claims: 1 },
  ])('looks for drift with $name', async ({ accepts, claims }) => {
    const asked: boolean[] = [];
    let claimed = 0;
    const login = { slot: 'owner' as const, exists: true, mayLogIn: true, accepts, hasVerifier: true, hasSecondPassword: false };
    const clock = new FakeClock();
    const agent = new Agent(
      initialFact(registered('sk_1'), 1_000),
      depsWith(clock, (_secretId, _signal, withStanding) => {
        asked.push(withStanding);
        const claim = async () => {
          claimed += 1;
          return { kind: 'held', retryInMs: 3_600_000 };
        };
        const engine = { rotation: { observe: async () => ({ logins: [login] }) } };
        const drive = { vault: { claim }, journal: { read: async () => null, knownServer: async () => null } };
        const adopted = { configuration: { ...configuration, adopted: true }, engine, drive, standing: withStanding ? standing : null };
        return Promise.resolve(adopted as unknown as PreparedAgent);
      }),
    );
    await agent.start();
    await clock.waitUntilSleeping();
    expect(asked).toEqual([false]);

    await clock.advance(10_000);
    await clock.waitUntilSleeping();

    expect(asked).toEqual([false, true]);
    expect(claimed).toBe(claims);
    expect(agent.fact).toMatchObject({ state: 'IDLE', errorCode: null, version: 1 });
    await agent.stop(0);
  });
});

describe('the agents of a vault whose identity is replaced', () => {
  test('rest meanwhile, whatever they were doing, and prepare themselves anew', async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    const deps = depsWith(clock, (secretId, signal) => {
      order.push(`${secretId} prepares`);
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    });
    const agents = new Agents(
      (fact) => new Agent(fact, deps),
      () => clock.now(),
    );
    for (const secretId of ['sk_1', 'sk_2']) await agents.put(registered(secretId)).start();
    await clock.advance(0);
    expect(order).toEqual(['sk_1 prepares', 'sk_2 prepares']);

    await agents.alone('vault_1', async () => {
      order.push('alone');
      await clock.advance(60_000);
      order.push('done');
    });
    await clock.advance(0);

    expect(order.slice(2, 4)).toEqual(['alone', 'done']);
    expect(order.slice(4).sort()).toEqual(['sk_1 prepares', 'sk_2 prepares']);
    const stopped = agents.stopAll(1);
    await clock.advance(10);
    await stopped;
  });
});
