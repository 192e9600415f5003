/**
 * The address at which a secret's logins are known to be. At another one nothing is written until a person says so, or both
 * were seen to lead to one server: a copy of a data directory has the identity of its original, so that alone proves nothing.
 */
import { differentServer, EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import * as z from 'zod';
import { addressOf, type DatabaseTarget } from './database-target.ts';
import type { EngineOfTarget } from './engine-catalogue.ts';
import type { AgentRegistry } from './registry.ts';

/** As `addressOf` writes it. */
const knownAddress = z.tuple([z.string(), z.int(), z.string()]);

interface Kept {
  readonly registry: Pick<AgentRegistry, 'knownAddress'>;
}

/** Also where none is known yet. */
export function isKnownAddress({ registry }: Kept, target: Pick<DatabaseTarget, 'secretId' | 'host' | 'port' | 'database'>): boolean {
  const known = registry.knownAddress(target.secretId);
  return known === null || known === addressOf(target);
}

/** Where the work was done until now, in words; null at that place itself, and where none is known. */
export function formerPlace({ registry }: Kept, target: DatabaseTarget): string | null {
  const known = registry.knownAddress(target.secretId);
  if (known === null || known === addressOf(target)) return null;
  const [host, port, database] = knownAddress.parse(JSON.parse(known));
  return placeWords({ host, port, database });
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
