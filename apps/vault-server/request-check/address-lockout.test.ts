import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import type { Storage } from '../storage/storage.ts';
import { AddressLockout, lockoutAddress } from './address-lockout.ts';

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::1', '::1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, 'unknown'],
])('the address %s is counted as %s', (remote, counted) => {
  expect(lockoutAddress(remote)).toBe(counted);
});

/** Counts as the store does: the second failure locks for a minute. */
function makeLockout(loopback: boolean) {
  const clock = new FakeClock();
  let failures = 0;
  let lockedUntil: number | null = null;
  let lookUps = 0;
  const storage = {
    addressLock: async ({ now }: { now: number }) => {
      lookUps += 1;
      return lockedUntil !== null && lockedUntil > now ? lockedUntil : null;
    },
    recordFailedAuthentication: async ({ now, limit, lockMs }: { now: number; limit: number; lockMs: number }) => {
      failures += 1;
      if (failures >= limit) lockedUntil = now + lockMs;
      return lockedUntil;
    },
  };
  const settings = { vaultId: 'v', apiUrl: '', lockout: { failures: 2, windowMs: 60_000, lockMs: 60_000, loopback } };
  const log = { debugging: false, write: () => undefined, failure: () => undefined };
  const lockout = new AddressLockout({ storage: storage as unknown as Storage, clock, log, settings });
  return { lockout, clock, lookUps: () => lookUps };
}

test('an address is refused after as many failures as are allowed, and admitted when its time is over', async () => {
  const { lockout, clock } = makeLockout(true);
  await lockout.refusalOf('10.0.0.1');

  await lockout.recordFailure('10.0.0.1');
  await lockout.recordFailure('10.0.0.1');

  expect(await lockout.refusalOf('10.0.0.1')).toMatchObject({ code: 'address-locked-out', details: { seconds: 60 } });
  await clock.advance(60_001);
  expect(await lockout.refusalOf('10.0.0.1')).toBeNull();
});

test('asks the store about an address once a second at most', async () => {
  const { lockout, clock, lookUps } = makeLockout(true);

  for (let count = 0; count < 50; count += 1) await lockout.refusalOf('10.0.0.1');
  expect(lookUps()).toBe(1);

  await clock.advance(1_000);
  await lockout.refusalOf('10.0.0.1');
  expect(lookUps()).toBe(2);
});

test('leaves addresses of this host alone when told to', async () => {
  const { lockout } = makeLockout(false);

  for (let count = 0; count < 5; count += 1) await lockout.recordFailure('127.0.0.1');

  expect(await lockout.refusalOf('127.0.0.1')).toBeNull();
});
