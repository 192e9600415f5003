/**
 * The databases of the search: login roles in turn, one login with one password, one login with RETAIN semantics. Each
 * state is one small number; a version is stored by number, 0 meaning none (version v as v + 1).
 */
import { candidatesOf } from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { LoginShape, Shape, Slot, Statement, Strategy, Versions } from '@sikkerkey/core/rotation/types.ts';

export interface DatabaseModel {
  readonly strategy: Strategy;
  readonly hasOverlap: boolean;
  readonly versionCount: number;
  readonly initial: number;
  /** The slot of a version that takes its turn after one in `slot` (0 or 1). */
  readonly slotNames: readonly [Slot, Slot];
  logsIn(database: number, version: number): boolean;
  /** Bit mask of the versions whose password is stored somewhere, whether or not it logs in. */
  verifiers(database: number): number;
  execute(database: number, statement: Statement): number;
  look(database: number, versions: Versions): Shape;
}

const versionCount = 3;
const openBit = 8;
const high = 16;

function verifierIn(login: number): number {
  return (login & 7) - 1;
}

function maskOf(...versions: readonly number[]): number {
  return versions.reduce((mask, version) => (version < 0 ? mask : mask | (1 << version)), 0);
}

function flipLogin(login: number, slot: Slot, versions: Versions): LoginShape {
  const held = verifierIn(login);
  const accepts = candidatesOf(versions).filter((ref) => ref.slot === slot && ref.version === held);
  return {
    slot,
    exists: true,
    mayLogIn: (login & openBit) !== 0,
    accepts: accepts.map((ref) => ref.version),
    hasVerifier: held >= 0,
    hasSecondPassword: false,
  };
}

/** Two login roles: `a` in the low half, `b` in the high one; each (may log in, verifier). */
export const flipDatabase: DatabaseModel = {
  strategy: 'flip',
  hasOverlap: true,
  versionCount,
  initial: openBit | 1,
  slotNames: ['a', 'b'],
  logsIn: (database, version) => (database & 15) === (openBit | (version + 1)) || database >> 4 === (openBit | (version + 1)),
  verifiers: (database) => maskOf(verifierIn(database & 15), verifierIn(database >> 4)),
  execute: (database, statement) => {
    if (statement.kind !== 'enable' && statement.kind !== 'disable') throw new Error(`${statement.kind} is not for login roles`);
    const login = statement.kind === 'enable' ? openBit | (statement.version + 1) : 0;
    return statement.slot === 'a' ? (database & ~15) | login : (database & 15) | (login * high);
  },
  look: (database, versions) => ({ logins: [flipLogin(database & 15, 'a', versions), flipLogin(database >> 4, 'b', versions)] }),
};

function oneLogin(held: readonly number[], versions: Versions, hasSecondPassword: boolean): Shape {
  const accepts = candidatesOf(versions).filter((ref) => held.includes(ref.version));
  const hasVerifier = held.some((version) => version >= 0);
  return {
    logins: [{ slot: 'owner', exists: true, mayLogIn: true, accepts: accepts.map((ref) => ref.version), hasVerifier, hasSecondPassword }],
  };
}

/** One login, one password. */
export const singleDatabase: DatabaseModel = {
  strategy: 'single',
  hasOverlap: false,
  versionCount,
  initial: 1,
  slotNames: ['owner', 'owner'],
  logsIn: (database, version) => database === version + 1,
  verifiers: (database) => maskOf(verifierIn(database)),
  execute: (_database, statement) => {
    if (statement.kind !== 'set') throw new Error(`${statement.kind} is not for one password in place`);
    return statement.version + 1;
  },
  look: (database, versions) => oneLogin([verifierIn(database)], versions, false),
};

/** One login, two passwords, as MySQL has them: the first in the low half, the second in the high one. */
export const retainDatabase: DatabaseModel = {
  strategy: 'retain',
  hasOverlap: true,
  versionCount,
  initial: 1,
  slotNames: ['owner', 'owner'],
  logsIn: (database, version) => (database & 15) === version + 1 || database >> 4 === version + 1,
  verifiers: (database) => maskOf(verifierIn(database & 15), verifierIn(database >> 4)),
  execute: (database, statement) => {
    switch (statement.kind) {
      case 'set':
        return (database & ~15) | (statement.version + 1);
      case 'set-retaining':
        return (statement.version + 1) | ((database & 15) * high);
      case 'discard':
        return database & 15;
      default:
        throw new Error(`${statement.kind} is not for RETAIN`);
    }
  },
  look: (database, versions) => oneLogin([verifierIn(database & 15), verifierIn(database >> 4)], versions, database >> 4 !== 0),
};

export const databases: Readonly<Record<Strategy, DatabaseModel>> = {
  flip: flipDatabase,
  single: singleDatabase,
  retain: retainDatabase,
};
