/** What the driver's tests begin with and end with. */
import type { WorkOutcome } from '@sikkerkey/core/rotation/drive.ts';
import { expect } from 'vitest';
import { type DriverBench, makeDriverBench } from './driver-bench.ts';

export function requested(options: Parameters<typeof makeDriverBench>[0] = {}): DriverBench {
  const bench = makeDriverBench(options);
  bench.world.vaultState.request('b');
  return bench;
}

export function expectRotated({ world }: DriverBench, outcome: WorkOutcome): void {
  expect(outcome).toMatchObject({ kind: 'finished', receipt: { outcome: 'rotated', rotationId: 'rot_2' } });
  expectOnlyLive(world, 2);
}

export function expectOnlyLive(world: DriverBench['world'], version: number): void {
  expect(world.vaultState.live.version).toBe(version);
  expect([1, 2].filter((one) => world.database.logsIn(one))).toEqual([version]);
  expect(world.journal.row).toBeNull();
  expect(world.database.openSessions).toBe(0);
}
