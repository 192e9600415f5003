import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { RecentProofs } from './recent-proofs.ts';

const hour = 3_600_000;

function makeProofs() {
  const clock = new FakeClock();
  return { clock, proofs: new RecentProofs(clock) };
}

test('admits who proved itself from that address, in that class, within hours', async () => {
  const { clock, proofs } = makeProofs();

  proofs.proven('10.0.0.1', 'machine:m');

  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(true);
  expect(proofs.admits('10.0.0.2', 'machine:m')).toBe(false);
  expect(proofs.admits('10.0.0.1', 'operator:m')).toBe(false);
  expect(proofs.admits('10.0.0.1', 'machine:other')).toBe(false);
  await clock.advance(11 * hour);
  proofs.proven('10.0.0.1', 'machine:m');
  await clock.advance(11 * hour);
  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(true);
  await clock.advance(hour);
  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(false);
});

test('verifies fifty failures in one name at once and fifty a second, and no other name waits for them', async () => {
  const { clock, proofs } = makeProofs();
  for (const identity of ['machine:known', 'machine:other']) proofs.proven('10.0.0.1', identity);
  const verified = () => {
    let count = 0;
    for (; count < 1_000 && proofs.admits('10.0.0.1', 'machine:known'); count += 1) proofs.failed('10.0.0.1', 'machine:known');
    return count;
  };

  expect(verified()).toBe(50);
  expect(proofs.admits('10.0.0.1', 'machine:other')).toBe(true);
  await clock.advance(100);
  expect(verified()).toBe(5);
  await clock.advance(3_600);
  expect(verified()).toBe(50);
});

test('a proof does not give failures back: they are counted on', async () => {
  const { clock, proofs } = makeProofs();
  proofs.proven('10.0.0.1', 'machine:m');
  for (let count = 0; count < 50; count += 1) proofs.failed('10.0.0.1', 'machine:m');

  proofs.proven('10.0.0.1', 'machine:m');
  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(false);
  await clock.advance(20);
  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(true);
});

test('remembers ten thousand, and forgets first whom it has not heard of for longest', async () => {
  const { clock, proofs } = makeProofs();
  for (let count = 0; count < 10_000; count += 1) proofs.proven('10.0.0.1', `machine:${count}`);
  await clock.advance(60_000);
  proofs.proven('10.0.0.1', 'machine:0');

  proofs.proven('10.0.0.1', 'machine:new');

  expect(proofs.admits('10.0.0.1', 'machine:0')).toBe(true);
  expect(proofs.admits('10.0.0.1', 'machine:new')).toBe(true);
  expect(proofs.admits('10.0.0.1', 'machine:1')).toBe(false);
});

test('what the store recalls counts from when it was, and not if that is hours ago or still to come', async () => {
  const { clock, proofs } = makeProofs();
  await clock.advance(24 * hour);
  proofs.recall('10.0.0.1', 'machine:m', 11 * hour);
  proofs.recall('10.0.0.1', 'machine:long-ago', 12 * hour);
  proofs.recall('10.0.0.1', 'machine:to-come', -11_000);

  expect(['m', 'long-ago', 'to-come'].map((id) => proofs.admits('10.0.0.1', `machine:${id}`))).toEqual([true, false, false]);
  await clock.advance(hour);
  expect(proofs.knows('10.0.0.1', 'machine:m')).toBe(false);
  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(false);
});

test('recalling gives no failures back', () => {
  const { proofs } = makeProofs();
  proofs.recall('10.0.0.1', 'machine:m', 0);
  for (let count = 0; count < 50; count += 1) proofs.failed('10.0.0.1', 'machine:m');

  proofs.recall('10.0.0.1', 'machine:m', 0);

  expect(proofs.knows('10.0.0.1', 'machine:m')).toBe(true);
  expect(proofs.admits('10.0.0.1', 'machine:m')).toBe(false);
});
