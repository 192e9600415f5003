/**
 * The address at which a secret's logins are known to be. At another one nothing is written until a person says so, or both
 * were seen to lead to one server: a copy of a data directory has the identity of its original, so that alone proves nothing.
 */
import { differentServer, EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { tlsMode } from '@sikkerkey/protocol/vault/shapes.ts';
import * as z from 'zod';
import { addressOf, type DatabaseTarget } from './database-target.ts';
import type { EngineOfTarget } from './engine-catalogue.ts';
import type { AgentRegistry } from './registry.ts';

/** A tuple: from before it was kept how the place is reached. */
const knownPlace = z.union([
  z.object({ host: z.string(), port: z.int(), database: z.string(), tls: tlsMode, ca: z.string().nullable() }),
  z.tuple([z.string(), z.int(), z.string()]).transform(([host, port, database]) => ({ host, port, database })),
]);

type KnownPlace = z.infer<typeof knownPlace>;

interface Kept {
  readonly registry: Pick<AgentRegistry, 'knownAddress'>;
}

/** With how it is reached, by which it is found again after another address was configured; null where none is known yet. */
export function knownPlaceOf({ registry }: Kept, secretId: string): KnownPlace | null {
  const known = registry.knownAddress(secretId);
  return known === null ? null : knownPlace.parse(JSON.parse(known));
}

/** From now on work is done there. */
export function keepKnownAddress(
  { registry }: { readonly registry: Pick<AgentRegistry, 'setKnownAddress'> },
  secretId: string,
  { host, port, database, tls, ca }: Pick<DatabaseTarget, 'host' | 'port' | 'database' | 'tls' | 'ca'>,
): void {
  registry.setKnownAddress(secretId, JSON.stringify({ host, port, database, tls, ca }));
}

/** Also where none is known yet. */
export function isKnownAddress(deps: Kept, target: Pick<DatabaseTarget, 'secretId' | 'host' | 'port' | 'database'>): boolean {
  const known = knownPlaceOf(deps, target.secretId);
  return known === null || addressOf(known) === addressOf(target);
}

/** Where the work was done until now, in words; null at that place itself, and where none is known. */
export function formerPlace(deps: Kept, target: DatabaseTarget): string | null {
  const known = knownPlaceOf(deps, target.secretId);
  return known === null || isKnownAddress(deps, target) ? null : placeWords(known);
}

export function placeWords({ host, port, database }: Pick<DatabaseTarget, 'host' | 'port' | 'database'>): string {
  return `${host}:${port}/${database}`;
}

/**
 * The engine that works only at the known address; EngineFailure `different-server` elsewhere. It does not look there either:
 * what a copy shows (no sessions, a login that is missing) would be taken for what the work is at, and acted on at home.
 */
export function heldToKnownAddress(deps: Kept, target: DatabaseTarget, engine: EngineOfTarget): EngineOfTarget {
  const held =
    <Asked extends unknown[], T>(work: (...asked: Asked) => Promise<T>) =>
    async (...asked: Asked): Promise<T> => {
      if (!isKnownAddress(deps, target)) throw new EngineFailure('needs-person', differentServer);
      return work(...asked);
    };
  const { rotation, recreateSlots, finishUnAdoption } = engine;
  return {
    ...engine,
    rotation: {
      ...rotation,
      openSession: held(rotation.openSession),
      observe: held(rotation.observe),
      sessionsOf: held(rotation.sessionsOf),
    },
    recreateSlots: held(recreateSlots),
    finishUnAdoption: held(finishUnAdoption),
  };
}
