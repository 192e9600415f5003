/**
 * The everyday look for drift, without a claim (rule 6): it reads the database and changes nothing, so it needs no epoch, no
 * lock and no session. That all is well is all it can find; anything else is for the driver, under a claim (rule 1).
 */
import { type Candidate, EngineFailure, type RotationEngine } from './ports.ts';
import { strategies } from './strategies/by-name.ts';
import { candidatesOf } from './strategies/strategy.ts';
import type { Credential, Strategy, Versions } from './types.ts';

/** What the vault says of a secret of which nothing was in flight or claimed when it was asked. */
export interface Standing {
  readonly strategy: Strategy;
  readonly versions: Versions;
  readonly credentials: ReadonlyMap<number, Credential>;
}

/**
 * Whether the database is seen to be as the vault says. False also where it could not be looked at, and where something
 * began meanwhile: the caller then looks again under a claim. Rejects with the signal's reason, and with what is no EngineFailure.
 */
export async function isAsTold(engine: RotationEngine, standing: Standing, signal: AbortSignal): Promise<boolean> {
  const { strategy, versions, credentials } = standing;
  const candidates = candidatesOf(versions).flatMap((ref): Candidate[] => {
    const credential = credentials.get(ref.version);
    return credential === undefined ? [] : [{ ...ref, credential }];
  });
  try {
    return !strategies[strategy].isDrifted(await engine.observe(candidates, signal), versions);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineFailure) return false;
    throw error;
  }
}
