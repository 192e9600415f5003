/** Plans are judged by what they do to a database that knows only how statements work, interrupted anywhere. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repetitionOf } from '../statements.ts';
import type { LoginShape, Shape, Slot, Statement, Strategy, VersionRef, Versions } from '../types.ts';
import { strategies } from './by-name.ts';
import { candidatesOf, holdsForeignPassword, logsIn, type SessionGoal } from './strategy.ts';

/** A login as a database keeps it: version numbers stand for passwords, null for none. */
interface Login {
  readonly mayLogIn: boolean;
  readonly first: number | null;
  readonly second: number | null;
}
type Database = ReadonlyMap<Slot, Login>;

const closed: Login = { mayLogIn: false, first: null, second: null };

function look(database: Database, versions: Versions): Shape {
  const candidates = candidatesOf(versions);
  const logins = [...database].map(([slot, login]): LoginShape => {
    const held = [login.first, login.second];
    return {
      slot,
      exists: true,
      mayLogIn: login.mayLogIn,
      accepts: candidates.filter((ref) => ref.slot === slot && held.includes(ref.version)).map((ref) => ref.version),
      hasVerifier: login.first !== null,
      hasSecondPassword: login.second !== null,
    };
  });
  return { logins };
}

function execute(database: Database, statement: Statement, versions: Versions): Database {
  const refOf = (version: number): VersionRef => candidatesOf(versions).find((ref) => ref.version === version) ?? versions.live;
  const slot = 'slot' in statement ? statement.slot : 'version' in statement ? refOf(statement.version).slot : versions.live.slot;
  const login = database.get(slot) ?? closed;
  return new Map(database).set(slot, changed(login, statement));
}

function changed(login: Login, statement: Statement): Login {
  switch (statement.kind) {
    case 'enable':
      return { ...login, mayLogIn: true, first: statement.version };
    case 'disable':
      return closed;
    case 'set':
      return { ...login, first: statement.version };
    case 'set-retaining':
      return { ...login, first: statement.version, second: login.first };
    case 'discard':
      return { ...login, second: null };
    default:
      throw new Error('unknown statement', { cause: statement satisfies never });
  }
}

function planned(strategy: Strategy, goal: SessionGoal, database: Database, versions: Versions): readonly Statement[] {
  const plan = strategies[strategy].plan(goal, look(database, versions), versions);
  if (plan.kind !== 'statements') throw new Error(plan.kind);
  return plan.statements;
}

/** Every database on the way to the goal, looking anew after each statement that is the last before an interruption. */
function wayTo(strategy: Strategy, goal: SessionGoal, from: Database, versions: Versions, interruptAfter: number): Database[] {
  const way = [from];
  let database = from;
  for (let round = 0; round < 6; round += 1) {
    const plan = planned(strategy, goal, database, versions);
    const sent = round === 0 ? plan.slice(0, interruptAfter) : plan;
    for (const statement of sent) {
      database = execute(database, statement, versions);
      way.push(database);
    }
    if (round > 0) break;
  }
  return way;
}

function endOf(strategy: Strategy, goal: SessionGoal, from: Database, versions: Versions, interruptAfter: number): Shape {
  return look(wayTo(strategy, goal, from, versions, interruptAfter).at(-1) ?? from, versions);
}

const passwords = fc.constantFrom(null, 1, 2, 3, 99);
const logins = fc.record({ mayLogIn: fc.boolean(), first: passwords, second: fc.constant(null) });
const flipDatabases = fc.tuple(logins, logins, logins).map(
  ([owner, a, b]): Database =>
    new Map([
      ['owner', owner],
      ['a', a],
      ['b', b],
    ]),
);
const retainDatabases = fc
  .record({ mayLogIn: fc.boolean(), first: passwords, second: passwords })
  .map((owner): Database => new Map([['owner', owner]]));
const singleDatabases = logins.map((owner): Database => new Map([['owner', owner]]));
const interruptions = fc.integer({ min: 0, max: 4 });

interface Case {
  readonly strategy: Strategy;
  readonly databases: fc.Arbitrary<Database>;
  readonly slots: readonly [Slot, Slot, Slot];
}

const cases: readonly Case[] = [
  { strategy: 'flip', databases: flipDatabases, slots: ['a', 'b', 'a'] },
  { strategy: 'retain', databases: retainDatabases, slots: ['owner', 'owner', 'owner'] },
  { strategy: 'single', databases: singleDatabases, slots: ['owner', 'owner', 'owner'] },
];

function refs(slots: Case['slots']): readonly [VersionRef, VersionRef] {
  return [
    { version: 1, slot: slots[0] },
    { version: 2, slot: slots[1] },
  ];
}

describe.each(cases)('$strategy', ({ strategy, databases, slots }) => {
  const [one, two] = refs(slots);
  const applying: Versions = { live: one, pending: two, previous: null };
  const steady: Versions = { live: two, pending: null, previous: null };
  const { hasOverlap } = strategies[strategy];

  it('applies the pending version from any database, interrupted anywhere, and keeps the live one where it can', () => {
    fc.assert(
      fc.property(databases, interruptions, (from, interrupted) => {
        const shape = endOf(strategy, 'apply', from, applying, interrupted);

        expect(logsIn(shape, two)).toBe(true);
        expect(logsIn(shape, one)).toBe(hasOverlap);
      }),
    );
  });

  it('undoes the pending version from wherever applying was interrupted', () => {
    fc.assert(
      fc.property(interruptions, (interrupted) => {
        const began: Database = new Map(
          [...new Set(slots)].map((slot) => [slot, slot === one.slot ? { mayLogIn: true, first: 1, second: null } : closed]),
        );
        const applied = wayTo(strategy, 'apply', began, applying, 4).at(Math.min(interrupted, 1)) ?? began;
        const shape = endOf(strategy, 'undo', applied, applying, interrupted);

        expect(logsIn(shape, one)).toBe(true);
        expect(logsIn(shape, two)).toBe(false);
      }),
    );
  });

  it('repairs any database to the live version alone, after which nothing is drifted', () => {
    fc.assert(
      fc.property(databases, interruptions, (from, interrupted) => {
        const shape = endOf(strategy, 'repair', from, steady, interrupted);

        expect(logsIn(shape, two)).toBe(true);
        expect(strategies[strategy].isDrifted(shape, steady)).toBe(false);
      }),
    );
  });

  it('plans nothing where the goal is reached', () => {
    fc.assert(
      fc.property(databases, (from) => {
        const applied = wayTo(strategy, 'apply', from, applying, 9).at(-1) ?? from;

        expect(planned(strategy, 'apply', applied, applying)).toEqual([]);
      }),
    );
  });
});

describe.each(cases.filter(({ strategy }) => strategies[strategy].hasOverlap))(
  '$strategy, which overlaps,',
  ({ strategy, databases, slots }) => {
    const [one, two] = refs(slots);
    const applying: Versions = { live: one, pending: two, previous: null };
    const draining: Versions = { live: two, pending: null, previous: one };

    it('never takes the live version away on the way where the strategy overlaps', () => {
      fc.assert(
        fc.property(databases, interruptions, (from, interrupted) => {
          fc.pre(logsIn(look(from, applying), one));
          for (const database of wayTo(strategy, 'apply', from, applying, interrupted)) {
            expect(logsIn(look(database, applying), one)).toBe(true);
          }
        }),
      );
    });

    it('repairs both versions in the middle of a drain', () => {
      fc.assert(
        fc.property(databases, interruptions, (from, interrupted) => {
          const shape = endOf(strategy, 'repair-while-draining', from, draining, interrupted);

          expect([logsIn(shape, one), logsIn(shape, two)]).toEqual([true, true]);
          expect(strategies[strategy].isDrifted(shape, draining)).toBe(false);
        }),
      );
    });

    it('retires the version before, and the live one logs in afterwards from any database', () => {
      fc.assert(
        fc.property(databases, interruptions, (from, interrupted) => {
          const shape = endOf(strategy, 'retire', from, draining, interrupted);

          expect([logsIn(shape, one), logsIn(shape, two)]).toEqual([false, true]);
        }),
      );
    });
  },
);

describe('repetition', () => {
  it('may be left to the repeatable statements: sent twice, they end as sent once', () => {
    const login = fc.record({ mayLogIn: fc.boolean(), first: passwords, second: passwords });
    const all: readonly Statement[] = [
      { kind: 'enable', slot: 'a', version: 2 },
      { kind: 'disable', slot: 'a' },
      { kind: 'set', version: 2 },
      { kind: 'set-retaining', version: 2 },
      { kind: 'discard' },
    ];
    for (const statement of all.filter((candidate) => repetitionOf(candidate) === 'repeatable')) {
      fc.assert(
        fc.property(login, (from) => {
          expect(changed(changed(from, statement), statement)).toEqual(changed(from, statement));
        }),
      );
    }
    expect(all.filter((candidate) => repetitionOf(candidate) === 'look-first')).toEqual([{ kind: 'set-retaining', version: 2 }]);
  });
});

describe('a login that is not there', () => {
  const nowhere: Shape = { logins: [] };
  const live: VersionRef = { version: 1, slot: 'a' };

  it.each(['flip', 'single', 'retain'] as const)('is never created by %s', (strategy) => {
    const plan = strategies[strategy].plan('repair', nowhere, { live, pending: null, previous: null });

    expect(plan).toEqual({ kind: 'login-missing', slot: 'a' });
  });
});

describe("a stranger's password", () => {
  const live: VersionRef = { version: 1, slot: 'a' };
  const login: LoginShape = { slot: 'a', exists: true, mayLogIn: true, accepts: [], hasVerifier: true, hasSecondPassword: false };

  it.each([
    { name: 'an open login that accepts nothing known', shape: login, isForeign: true },
    { name: 'a login that accepts a known version', shape: { ...login, accepts: [7] }, isForeign: false },
    { name: 'a login that may not log in', shape: { ...login, mayLogIn: false }, isForeign: false },
    { name: 'a login without a verifier', shape: { ...login, hasVerifier: false }, isForeign: false },
  ])('is what $name holds: $isForeign', ({ shape, isForeign }) => {
    expect(holdsForeignPassword({ logins: [shape] }, live)).toBe(isForeign);
  });
});
