/** Runs the driver over the ports in memory, with a clock that moves by itself while the driver backs off. */
import { createRotationMemory, type DriveDeps, driveRotation, type WorkOutcome } from '@sikkerkey/core/rotation/drive.ts';
import type { RotationFact } from '@sikkerkey/core/rotation/facts.ts';
import type { Boundary } from '@sikkerkey/core/rotation/ports.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeWorld, secretId, type World } from './ports-in-memory.ts';

/** Stands for the death of the process: what follows starts with the journal alone. */
export class Crash extends Error {}

export interface DriverBench {
  readonly world: World;
  readonly clock: FakeClock;
  readonly facts: RotationFact[];
  readonly deps: DriveDeps;
  readonly abort: AbortController;
}

export interface BenchOptions {
  readonly world?: World;
  readonly crashAt?: Boundary;
  /** Called at each boundary, before the crash. */
  readonly watch?: (name: Boundary) => void;
}

export function makeDriverBench(options: BenchOptions = {}): DriverBench {
  const world = options.world ?? makeWorld();
  const clock = new FakeClock();
  const facts: RotationFact[] = [];
  const deps: DriveDeps = {
    journal: world.journal,
    vault: world.vault,
    engine: world.database,
    clock,
    random: { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 },
    memory: createRotationMemory(),
    observe: (fact) => facts.push(fact),
    boundary: (name) => {
      world.boundaries.push(name);
      options.watch?.(name);
      if (name === options.crashAt) throw new Crash();
    },
  };
  return { world, clock, facts, deps, abort: new AbortController() };
}

export type Drive = (deps: DriveDeps, secretId: string, signal: AbortSignal) => Promise<WorkOutcome>;

/** One call to its end; every sleep of the driver is over at once. */
export async function drive(bench: DriverBench, call: Drive = driveRotation): Promise<WorkOutcome> {
  const work = call(bench.deps, secretId, bench.abort.signal);
  const settled = work.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([settled, bench.clock.advance(500).then(() => false)])));
  return await work;
}
