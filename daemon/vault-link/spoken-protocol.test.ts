import type { SpokenProtocol } from '@sikkerkey/core/vault-client/capabilities.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { KnownProtocol } from './spoken-protocol.ts';

const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 };
const never = new AbortController().signal;
const v2: SpokenProtocol = {
  kind: 'v2',
  capabilities: { product: 'sikkerkey-vault', version: '1', vaultId: 'v', sealed: true, features: [] },
};
const published: SpokenProtocol = { kind: 'published' };
const foreign: SpokenProtocol = { kind: 'unknown', status: 302 };

interface Known {
  readonly known: KnownProtocol;
  readonly clock: FakeClock;
  readonly memory: { v2: boolean };
}

function knowing(answers: readonly (SpokenProtocol | Error)[], memory = { v2: false }): Known {
  const clock = new FakeClock();
  const left = [...answers];
  const spokenProtocol = (): Promise<SpokenProtocol> => {
    const answer = left.shift() ?? new TransportFailure('timeout');
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const kept = {
    isKnownV2: () => memory.v2,
    rememberV2: () => {
      memory.v2 = true;
    },
  };
  return { known: new KnownProtocol({ client: { spokenProtocol }, memory: kept, clock, random }), clock, memory };
}

describe('the protocol of a vault', () => {
  test.each([published, foreign])('stays /v2 whatever answers in its place, also after a restart: $kind', async (answer) => {
    const { known, memory } = knowing([v2, answer]);
    expect(await known.ask(never)).toEqual({ sealed: true });
    await expect(known.ask(never)).rejects.toMatchObject({ temporary: true });
    expect(known.current).toBe('v2');

    const restarted = knowing([answer], memory).known;

    expect(restarted.current).toBe('v2');
    await expect(restarted.ask(never)).rejects.toMatchObject({ temporary: true });
    expect(restarted.current).toBe('v2');
  });

  test('is not concluded from an answer that tells nothing', async () => {
    const { known } = knowing([foreign, new TransportFailure('timeout')]);

    await expect(known.ask(never)).rejects.toMatchObject({ code: 'vault-answer-unreadable', temporary: true });
    await expect(known.ask(never)).rejects.toBeInstanceOf(TransportFailure);
    expect([known.current, known.isDue]).toEqual(['unknown', true]);
  });

  test('is asked for again now and then where it was the published one, and followed to /v2', async () => {
    const { known, clock, memory } = knowing([published, foreign, v2]);
    await known.ask(never);
    expect([known.current, known.isDue]).toEqual(['published', false]);

    await clock.advance(400_000);
    expect(known.isDue).toBe(true);
    await known.ask(never);
    expect([known.current, known.isDue, memory.v2]).toEqual(['published', false, false]);
    await clock.advance(400_000);
    await known.ask(never);

    expect([known.current, known.isDue, memory.v2]).toEqual(['v2', false, true]);
  });
});
