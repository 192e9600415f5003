/** A client against the double with one secret, `sk_db`, in version 1; and what tests of its readers share. */
import { SikkerKey } from '@sikkerkey/sdk/index.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { soon } from '../support/soon.ts';
import { VaultDouble } from './vault-double.ts';

export interface Bench extends AsyncDisposable {
  readonly vault: VaultDouble;
  readonly sikkerkey: SikkerKey;
}

export async function makeBench(clock?: FakeClock): Promise<Bench> {
  const vault = await VaultDouble.start();
  vault.secrets.set('sk_db', { version: 1, value: 'one' });
  const sikkerkey = new SikkerKey(vault.identityPath, clock === undefined ? {} : { clock });
  return {
    vault,
    sikkerkey,
    async [Symbol.asyncDispose]() {
      await sikkerkey.close();
      await vault.stop();
    },
  };
}

export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Moves the clock step by step until what is expected holds. */
export const advanceUntil = (clock: FakeClock, expected: () => Promise<void>, stepMs = 1000): Promise<void> =>
  soon(async () => {
    await clock.advance(stepMs);
    await expected();
  });

/** The versions that were acknowledged. */
export const versionsOf = ({ vault }: Bench): number[] => vault.acknowledgements.map((hold) => hold.version);
