import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import { describe, expect, test } from 'vitest';
import type { VaultContext } from '../vault-link/vaults.ts';
import { adopt, unAdopt } from './adoption.ts';
import type { PreparationDeps } from './preparation.ts';

const never = new AbortController().signal;
const refusal = (code: string): VaultRefusal => new VaultRefusal(409, code, {}, null);

interface Bench {
  readonly deps: PreparationDeps;
  readonly context: VaultContext;
  readonly kept: { running: boolean; leaving: boolean };
  readonly whenAsked: { running: boolean; leaving: boolean }[];
}

/** An adopted secret whose vault answers as told; there is no engine, so that any use of the database fails. */
function bench(answer: () => Promise<unknown>, leaving = false): Bench {
  const kept = { running: false, leaving };
  const whenAsked: Bench['whenAsked'][number][] = [];
  const registry = {
    find: () => ({ running: kept.running }),
    setRunning: (_secretId: string, running: boolean) => Object.assign(kept, { running }),
    isLeavingSlots: () => kept.leaving,
    setGivenUp: () => undefined,
    setLeavingSlots: (_secretId: string, isLeaving: boolean) => Object.assign(kept, { leaving: isLeaving }),
  };
  const machine = (): Promise<unknown> => {
    whenAsked.push({ ...kept });
    return answer();
  };
  const context = {
    link: { protocolKnown: () => Promise.resolve('v2') },
    configuration: () => Promise.resolve({ secretId: 'sk_1', adopted: true, owner: 'app' }),
    client: { machine },
  };
  return { deps: { registry } as unknown as PreparationDeps, context: context as unknown as VaultContext, kept, whenAsked };
}

describe('an adoption that the vault has committed already', () => {
  test('is asked for again without a claim, and answered with its rotation', async () => {
    const { deps, context, kept } = bench(() => Promise.resolve({ rotationId: 'rot_1' }));

    expect(await adopt(deps, context, 'sk_1', 'flip', false, never)).toEqual({ rotationId: 'rot_1' });
    expect(kept.running).toBe(true);
  });

  test.each([
    { name: 'stays with this host after a lost answer', error: new TransportFailure('connection-lost'), running: true },
    { name: 'is not this host’s after a refusal', error: refusal('already-adopted'), running: false },
  ])('$name', async ({ error, running }) => {
    const { deps, context, kept, whenAsked } = bench(() => Promise.reject(error));

    await expect(adopt(deps, context, 'sk_1', 'flip', false, never)).rejects.toBe(error);
    expect(whenAsked).toMatchObject([{ running: true }]);
    expect(kept.running).toBe(running);
  });
});

describe('the way back', () => {
  test.each([
    { name: 'a lost answer', error: new TransportFailure('connection-lost'), kept: { running: true, leaving: true } },
    { name: 'a refusal', error: refusal('waiting-for-drain'), kept: { running: false, leaving: false } },
  ])('is written down before the vault is asked, and after $name says what is true', async ({ error, kept }) => {
    const made = bench(() => Promise.reject(error));

    await expect(unAdopt(made.deps, made.context, 'sk_1', null, never)).rejects.toBe(error);
    expect(made.whenAsked).toEqual([{ running: true, leaving: true }]);
    expect(made.kept).toEqual(kept);
  });

  test('that is over but for its slots goes on dropping them when it is asked for again', async () => {
    const { deps, context, kept } = bench(() => Promise.reject(refusal('not-adopted')), true);

    expect(await unAdopt(deps, context, 'sk_1', 'rot_9', never)).toEqual({ rotationId: 'rot_9' });
    expect(kept).toEqual({ running: true, leaving: true });
  });
});
