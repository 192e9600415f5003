/** The vault's rules: labels, claims with epochs, what an operator asks for, and the drain. Every function is one transaction. */

import type { Grant } from '@sikkerkey/core/rotation/machine/state.ts';
import type { ConfirmOutcome, DrainOutcome } from '@sikkerkey/core/rotation/ports.ts';
import type { VersionRef } from '@sikkerkey/core/rotation/types.ts';
import type { DatabaseModel } from './databases.ts';
import type { Rules } from './rules.ts';
import { current, label, labelled, type World } from './world.ts';

export class VaultModel {
  readonly #database: DatabaseModel;
  readonly #rules: Rules;

  constructor(database: DatabaseModel, rules: Rules) {
    this.#database = database;
    this.#rules = rules;
  }

  /** Makes the next version pending on the login that is not live. */
  offer(world: World): World {
    const version = labelled(world, label.none);
    if (version < 0) return { ...world, waiting: 0 };
    const slots = world.slots.with(version, 1 - (world.slots[current(world)] ?? 0));
    return { ...world, labels: world.labels.with(version, label.pending), slots, waiting: 0 };
  }

  /** `agent` is the number of the agent; whether it may claim is the caller's question. */
  claim(world: World, agent: number, purpose: 'work' | 'repair'): { readonly world: World; readonly grant: Grant } {
    const claimed = { ...world, epoch: world.epoch + 1, owner: agent + 1 };
    const [live, pending, previous] = [current(world), labelled(world, label.pending), labelled(world, label.previous)];
    const phase = pending >= 0 ? 'pending' : previous >= 0 ? 'promoted' : 'steady';
    const rotation = pending >= 0 ? pending : live;
    const versions = {
      live: this.#ref(world, live),
      pending: pending < 0 ? null : this.#ref(world, pending),
      previous: previous < 0 ? null : this.#ref(world, previous),
      // As the product's vault: the everyday claim brings no more than it needs.
      retired: purpose === 'repair' || phase === 'promoted' ? this.#ended(world) : [],
    };
    const rotationId = phase === 'steady' ? null : rotationIdOf(rotation);
    return { world: claimed, grant: { rotationId, epoch: claimed.epoch, strategy: this.#database.strategy, phase, versions } };
  }

  confirm(world: World, version: number, epoch: number): { readonly world: World; readonly outcome: ConfirmOutcome } {
    if (this.#rules.vaultEpoch && epoch !== world.epoch) return { world, outcome: { kind: 'stale-epoch' } };
    switch (world.labels[version]) {
      case label.quarantined:
        return { world, outcome: { kind: 'rejected' } };
      case label.pending:
        return { world: this.promote(world, version), outcome: { kind: 'promoted' } };
      case label.current:
        return { world, outcome: { kind: 'promoted' } };
      default:
        return { world, outcome: { kind: 'finished' } };
    }
  }

  /** A confirm that arrives when nobody waits for its answer. */
  delayedConfirm(world: World): World {
    return this.confirm({ ...world, delayed: 0, delayedEpoch: 0 }, world.delayed - 1, world.delayedEpoch).world;
  }

  promote(world: World, version: number): World {
    const before = this.#database.hasOverlap ? label.previous : label.retired;
    const promoted = { ...world, givenUp: 0, labels: world.labels.with(current(world), before).with(version, label.current) };
    return this.#database.hasOverlap ? promoted : this.ended(promoted);
  }

  drain(world: World, version: number, epoch: number): DrainOutcome {
    const previous = labelled(world, label.previous);
    if (epoch !== world.epoch || previous < 0 || version !== current(world)) return { kind: 'over' };
    if (world.deadlinePassed === 1) return { kind: 'deadline-passed' };
    if ((((world.sdkHolds | world.unnamedHolds) >> previous) & 1) === 0) return { kind: 'clear' };
    return { kind: 'draining', holdOuts: [], deadlineInMs: 1 };
  }

  /** Null when it is over: nothing changes. */
  reject(world: World, version: number, epoch: number): World | null {
    if (epoch !== world.epoch || world.labels[version] !== label.pending) return null;
    return this.ended({ ...world, labels: world.labels.with(version, label.quarantined) });
  }

  /** Null when it is over: nothing changes. */
  retired(world: World, version: number, epoch: number): World | null {
    const previous = labelled(world, label.previous);
    if (epoch !== world.epoch || previous < 0 || version !== current(world)) return null;
    return this.ended({ ...world, labels: world.labels.with(previous, label.retired) });
  }

  /** Retired or rejected: the claim ends, and what waited may start. */
  ended(world: World): World {
    const gone = world.labels.reduce((mask, one, version) => (one === label.retired ? mask | (1 << version) : mask), 0);
    const after = {
      ...world,
      owner: 0,
      givenUp: 0,
      deadlinePassed: 0,
      sdkHolds: world.sdkHolds & ~gone,
      unnamedHolds: world.unnamedHolds & ~gone,
    };
    return after.waiting === 1 ? this.offer(after) : after;
  }

  #ref(world: World, version: number): VersionRef {
    return { version, slot: this.#database.slotNames[world.slots[version] === 0 ? 0 : 1] };
  }

  #ended(world: World): readonly VersionRef[] {
    if (!this.#rules.keepsEndedValues) return [];
    return world.labels.flatMap((one, version) => (one === label.retired || one === label.quarantined ? [this.#ref(world, version)] : []));
  }
}

export function rotationIdOf(version: number): string {
  return `rotation-${version}`;
}

export function versionOf(rotationId: string): number {
  return Number(rotationId.slice('rotation-'.length));
}
