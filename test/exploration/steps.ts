/** A step of the world: what happens, what it leads to, and whether it costs one of the faults that are allowed. */
import type { MachineRules } from '@sikkerkey/core/rotation/machine/rules.ts';
import type { Atlas } from './atlas.ts';
import type { DatabaseModel } from './databases.ts';
import type { FaultKind, Rules } from './rules.ts';
import type { VaultModel } from './vault.ts';
import type { World } from './world.ts';

export interface Setting {
  readonly database: DatabaseModel;
  readonly rules: Rules;
  readonly machine: MachineRules;
  readonly vault: VaultModel;
  readonly atlas: Atlas;
  readonly faultKinds: ReadonlySet<FaultKind>;
  readonly readers: { readonly sdk: boolean; readonly unnamed: boolean };
}

/** What happened is text for a trace, made only when one is printed. */
export type Told = () => string;

export interface Steps {
  /** Something that may happen by itself. */
  add(told: Told, world: World): void;
  /** Something that an adversary does. */
  fault(told: Told, world: World): void;
}

export function allows(setting: Setting, world: World, kind: FaultKind): boolean {
  return world.faults > 0 && setting.faultKinds.has(kind);
}
