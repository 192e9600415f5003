/** The engines that this daemon has, by provider: one place that turns a target into an engine and its planning. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { RotationEngine } from '@sikkerkey/core/rotation/ports.ts';
import type { Slot, Statement } from '@sikkerkey/core/rotation/types.ts';
import { finishUnAdoption, missingSlots, prepareAdoption, recreateSlots } from '@sikkerkey/engines/postgresql/adopt.ts';
import type { PostgresqlEngineConfig } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { type Inspection, identifyServer, inspect, type PlanKind } from '@sikkerkey/engines/postgresql/inspect.ts';
import { markedEpoch } from '@sikkerkey/engines/postgresql/marker.ts';
import { type ExitWork, planExit, planWork, slotRemoval, statementTexts, type WorkKind } from '@sikkerkey/engines/postgresql/plan.ts';
import { isOneServer } from '@sikkerkey/engines/postgresql/same-server.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { DatabaseTarget } from './database-target.ts';

export interface EngineOfTarget {
  readonly rotation: RotationEngine;
  /** Reads only. Throws EngineFailure where no connection can be had. */
  inspect(kind: PlanKind, signal: AbortSignal): Promise<Inspection>;
  plan(kind: WorkKind, inspection: Inspection, live: Slot): Plan;
  /** Which server answers now; null where that cannot be told. Reads only. Throws EngineFailure. */
  identify(signal: AbortSignal): Promise<string | null>;
  /** Whether that address leads to this very server, where both answer now. Reads only. Throws EngineFailure where one does not. */
  isServerOf(other: DatabaseTarget, signal: AbortSignal): Promise<boolean>;
  readonly exits: ExitPlanning;
  /** The newest epoch of this secret that the database holds; null where it holds none. */
  markedEpoch(inspection: Inspection): number | null;
  /**
   * Creates the login slots, on the fence, under a repair claim's epoch. This and the next two throw EngineFailure
   * `different-server` and change nothing where another server than the known one answers (null: none is known).
   */
  prepareAdoption(epoch: number, knownServer: string | null, signal: AbortSignal): Promise<void>;
  /** Makes the login slots that somebody dropped, on the fence. */
  recreateSlots(epoch: number, knownServer: string | null, signal: AbortSignal): Promise<void>;
  /** Drops the login slots after the way back is retired. */
  finishUnAdoption(epoch: number, knownServer: string | null, signal: AbortSignal): Promise<void>;
}

/** The texts of what leads out of a state that a rotation cannot leave by itself. */
export interface ExitPlanning {
  plan(exit: ExitWork, inspection: Inspection): Plan;
  texts(statements: readonly Statement[]): ExitWork['statements'];
  missingSlots(inspection: Inspection): ExitWork['statements'];
  slotRemoval(inspection: Inspection): ExitWork['statements'];
}

export type EngineCatalogue = (target: DatabaseTarget) => EngineOfTarget;

export function createEngineCatalogue(deps: { readonly clock: Clock; readonly random: Random }): EngineCatalogue {
  return (target) => {
    const config = configOf(target);
    return {
      rotation: createPostgresqlEngine(config, deps),
      inspect: (kind, signal) => inspect(config, kind, deps, signal),
      plan: (kind, inspection, live) => planWork(kind, inspection, config, live),
      identify: (signal) => identifyServer(config, deps, signal),
      isServerOf: (other, signal) => isOneServer(config, configOf(other), deps, signal),
      exits: {
        plan: (exit, inspection) => planExit(exit, inspection, config),
        texts: (statements) => statementTexts(statements, config),
        missingSlots: (inspection) => missingSlots(inspection, config).flatMap(({ statements }) => statements),
        slotRemoval: (inspection) => slotRemoval(inspection, config),
      },
      markedEpoch: ({ facts }) => markedEpoch(facts.roles.find(({ name }) => name === config.owner)?.comment ?? null, config.secretId),
      recreateSlots: (epoch, knownServer, signal) => recreateSlots(config, epoch, deps, signal, knownServer),
      prepareAdoption: (epoch, knownServer, signal) => prepareAdoption(config, epoch, deps, signal, knownServer),
      finishUnAdoption: (epoch, knownServer, signal) => finishUnAdoption(config, epoch, deps, signal, knownServer),
    };
  };
}

function configOf(target: DatabaseTarget): PostgresqlEngineConfig {
  const { secretId, host, port, database, adminUser, adminPassword, owner, strategy } = target;
  return {
    secretId,
    host,
    port,
    database,
    adminUser,
    adminPassword,
    owner,
    strategy,
    acceptedHba: target.acceptedHba ?? [],
    tls: { mode: target.tls, ...(target.ca === null ? {} : { ca: target.ca }) },
    ...(target.probeQuery === null ? {} : { probeQuery: target.probeQuery }),
  };
}
