import { VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inFlight, openTestJournal, type TestJournal } from '../journal/fixture.ts';
import type { VaultJournal } from '../journal/vault-journal.ts';
import type { PreparedAgent } from './agent-deps.ts';
import { isStillAhead } from './epoch-ahead.ts';
import { askedRepair } from './exits.ts';

const never = new AbortController().signal;

describe('the word on a vault that has gone back', () => {
  let kept: TestJournal;
  let journal: VaultJournal;

  beforeEach(async () => {
    kept = await openTestJournal();
    ({ journal } = kept);
  });

  afterEach(() => kept.remove());

  /** The vault does not answer: what is kept then was kept before it was asked. */
  async function isLeavingAfter(adopted: boolean, isPublished: boolean): Promise<boolean> {
    const said: boolean[] = [];
    const registry = { setLeavingSlots: (_secretId: string, isLeaving: boolean) => void said.push(isLeaving) };
    const params = { secretId: 'sk_1', overwriteForeignPassword: false, acceptEpoch: true };
    const asked = askedRepair(params, { registry, isPublished: () => isPublished, boundary: () => undefined });
    const vault = { claim: () => Promise.reject(new VaultUnreachable('connection-refused')) };
    const configuration = { adopted, liveVersion: 1 };
    const prepared = { configuration, drive: { vault, journal }, epochAhead: () => Promise.resolve(7) };
    await expect(asked.prepare?.(prepared as unknown as PreparedAgent, never)).rejects.toThrow(VaultUnreachable);
    return said.at(-1) ?? false;
  }

  test('keeps every version of the rotation in flight, with its password, until the repair is done', async () => {
    await journal.write(inFlight);

    expect(await isLeavingAfter(true, false)).toBe(false);
    expect(await isLeavingAfter(true, false)).toBe(false);

    await expectKept();
  });

  test('said at another host has what this one knows used, under numbers of its own, before anything is claimed', async () => {
    await journal.write(inFlight);
    const at = (epoch: number | null): Pick<PreparedAgent, 'epochAhead' | 'drive'> => {
      return { epochAhead: () => Promise.resolve(epoch), drive: { journal } as unknown as PreparedAgent['drive'] };
    };
    expect(await isStillAhead(at(7), 'sk_1', never)).toBe(true);
    expect(await journal.read('sk_1')).toMatchObject({ goal: 'confirm', versions: inFlight.versions });

    expect(await isStillAhead(at(null), 'sk_1', never)).toBe(false);

    await expectKept();
  });

  async function expectKept(): Promise<void> {
    const { live } = inFlight.versions;
    const retired = [
      { version: -1, slot: 'a' },
      { version: -2, slot: 'b' },
    ];
    const row = await journal.read('sk_1');
    const versions = { live, pending: null, previous: null, retired };
    expect(row).toMatchObject({ rotationId: null, goal: 'repair', strategy: 'flip', versions, serverFingerprint: 'server-1' });
    expect([...(row?.credentials ?? [])].map(([version, { password }]) => [version, password.reveal()])).toEqual([
      [3, 'third'],
      [-1, 'third'],
      [-2, 'fourth'],
    ]);
  }

  test('has a repair and the end of the login slots written down where the vault has forgotten the adoption', async () => {
    expect(await isLeavingAfter(false, false)).toBe(true);

    const live = { version: 1, slot: 'owner' };
    expect(await journal.read('sk_1')).toMatchObject({ goal: 'repair', strategy: 'flip', epoch: 7, versions: { live } });
  });

  test.each([
    { name: 'that is adopted', adopted: true, isPublished: false },
    { name: 'at a vault that knows of no adoption', adopted: false, isPublished: true },
  ])('writes nothing down for a secret $name, with nothing in flight', async ({ adopted, isPublished }) => {
    expect(await isLeavingAfter(adopted, isPublished)).toBe(false);

    expect(await journal.read('sk_1')).toBeNull();
  });
});
