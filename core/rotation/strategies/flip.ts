/**
 * Login roles of one owner take turns: the new version opens the idle login while the one before stays open, so both
 * log in until the drain is over. Every statement is repeatable. Source: rotation.md §3.1, rotation-protocol.md rule 6.
 */
import type { LoginShape, Shape, Slot, Statement, VersionRef, Versions } from '../types.ts';
import { loginOf, logsIn, type Plan, required, type SessionGoal, type StrategyRules, statements } from './strategy.ts';

export const flip: StrategyRules = { hasOverlap: true, plan, isDrifted };

function plan(goal: SessionGoal, shape: Shape, versions: Versions): Plan {
  const { live, previous } = versions;
  switch (goal) {
    case 'apply':
      return open(shape, [live, required(versions.pending, goal)]);
    case 'undo':
      return statements(...close(shape, [required(versions.pending, goal).slot]));
    case 'retire':
      // The live login first: the one before must not go while the live one cannot log in.
      return open(shape, [live], close(shape, [required(previous, goal).slot, ...strayLogins(shape, versions)]));
    case 'repair':
      return open(shape, [live], close(shape, strayLogins(shape, versions)));
    case 'repair-while-draining':
      return open(shape, bothInOrder(shape, live, required(previous, goal)), close(shape, strayLogins(shape, versions)));
    default:
      throw new Error('unknown goal', { cause: goal satisfies never });
  }
}

function isDrifted(shape: Shape, versions: Versions): boolean {
  const { live, previous } = versions;
  const kept = previous === null ? [live] : [live, ...stillThere(shape, previous)];
  return kept.some((ref) => !logsIn(shape, ref)) || strayLogins(shape, versions).length > 0;
}

/**
 * A closed one before goes first: as long as the live one does not log in, an interrupted repair is told from a lock on
 * purpose. An open one may let applications in with an ended password, so the live one is there for them before that goes.
 */
function bothInOrder(shape: Shape, live: VersionRef, previous: VersionRef): readonly VersionRef[] {
  const { mayLogIn, hasVerifier } = loginOf(shape, previous.slot);
  const before = stillThere(shape, previous);
  return mayLogIn && hasVerifier ? [live, ...before] : [...before, live];
}

/** A login before that somebody dropped cannot be protected any more, and must not hold up the live one. */
function stillThere(shape: Shape, ref: VersionRef): readonly VersionRef[] {
  return loginOf(shape, ref.slot).exists ? [ref] : [];
}

/** Opens each version's login that does not log in yet, then goes on with what follows. */
function open(shape: Shape, refs: readonly VersionRef[], then: readonly Statement[] = []): Plan {
  const closed = refs.filter((ref) => !logsIn(shape, ref));
  const missing = closed.find((ref) => !loginOf(shape, ref.slot).exists);
  if (missing !== undefined) return { kind: 'login-missing', slot: missing.slot };
  return statements(...closed.map(({ slot, version }): Statement => ({ kind: 'enable', slot, version })), ...then);
}

/** Closes what is not closed already. Closing clears the verifier too (rule 7). */
function close(shape: Shape, slots: readonly Slot[]): readonly Statement[] {
  return slots
    .map((slot) => loginOf(shape, slot))
    .filter((login) => login.exists && (login.mayLogIn || login.hasVerifier))
    .map(({ slot }): Statement => ({ kind: 'disable', slot }));
}

/** Logins that are open, or would accept a known password, although no living version belongs to them. */
function strayLogins(shape: Shape, versions: Versions): readonly Slot[] {
  const inUse = new Set([versions.live.slot, versions.previous?.slot]);
  const isStray = (login: LoginShape): boolean => !inUse.has(login.slot) && (login.mayLogIn || login.accepts.length > 0);
  return shape.logins.filter(isStray).map(({ slot }) => slot);
}
