/** The engines that this daemon has, by provider: one place that turns a target into an engine and its planning. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { RotationEngine } from '@sikkerkey/core/rotation/ports.ts';
import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import { finishUnAdoption, prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import type { PostgresqlEngineConfig } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { type Inspection, inspect, type PlanKind } from '@sikkerkey/engines/postgresql/inspect.ts';
import { planWork } from '@sikkerkey/engines/postgresql/plan.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { DatabaseTarget } from './database-target.ts';

export interface EngineOfTarget {
  readonly rotation: RotationEngine;
  /** Reads only. Throws EngineFailure where no connection can be had. */
  inspect(kind: PlanKind, signal: AbortSignal): Promise<Inspection>;
  plan(kind: PlanKind, inspection: Inspection, live: Slot): Plan;
  /** Creates the login slots, on the fence, under a repair claim's epoch. */
  prepareAdoption(epoch: number, signal: AbortSignal): Promise<void>;
  /** Drops the login slots after the way back is retired. */
  finishUnAdoption(epoch: number, signal: AbortSignal): Promise<void>;
}

export type EngineCatalogue = (target: DatabaseTarget) => EngineOfTarget;

export function createEngineCatalogue(deps: { readonly clock: Clock; readonly random: Random }): EngineCatalogue {
  return (target) => {
    const config = configOf(target);
    return {
      rotation: createPostgresqlEngine(config, deps),
      inspect: (kind, signal) => inspect(config, kind, deps, signal),
      plan: (kind, inspection, live) => planWork(kind, inspection, config, live),
      prepareAdoption: (epoch, signal) => prepareAdoption(config, epoch, deps, signal),
      finishUnAdoption: (epoch, signal) => finishUnAdoption(config, epoch, deps, signal),
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
    tls: { mode: target.tls, ...(target.ca === null ? {} : { ca: target.ca }) },
    ...(target.probeQuery === null ? {} : { probeQuery: target.probeQuery }),
  };
}
