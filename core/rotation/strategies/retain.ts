/**
 * One login with a second password (MySQL's RETAIN CURRENT PASSWORD). A second password that is there says nothing about
 * which one it is, and a RETAIN that is repeated destroys the old one, so every step follows from a look (rule 5).
 */
import type { Shape, Statement, VersionRef, Versions } from '../types.ts';
import { loginOf, logsIn, type Plan, required, type SessionGoal, type StrategyRules, statements } from './strategy.ts';

export const retain: StrategyRules = { hasOverlap: true, plan, isDrifted };

function plan(goal: SessionGoal, shape: Shape, versions: Versions): Plan {
  const { live } = versions;
  const login = loginOf(shape, live.slot);
  if (!login.exists) return { kind: 'login-missing', slot: live.slot };
  const unlock: readonly Statement[] = login.mayLogIn ? [] : [{ kind: 'enable', slot: live.slot, version: live.version }];
  if (unlock.length > 0) return statements(...unlock, ...statementsFor(goal, reopened(shape, live), versions));
  return statements(...statementsFor(goal, shape, versions));
}

function statementsFor(goal: SessionGoal, shape: Shape, versions: Versions): readonly Statement[] {
  const { live, previous } = versions;
  switch (goal) {
    case 'apply':
      return bothValid(shape, live, required(versions.pending, goal));
    case 'repair-while-draining':
      return bothValid(shape, live, required(previous, goal));
    case 'undo':
    case 'retire':
      return only(live);
    case 'repair':
      return isDrifted(shape, versions) ? only(live) : [];
    default:
      throw new Error('unknown goal', { cause: goal satisfies never });
  }
}

function isDrifted(shape: Shape, versions: Versions): boolean {
  const { live, previous } = versions;
  if (previous !== null) return !logsIn(shape, live) || !logsIn(shape, previous);
  return !logsIn(shape, live) || loginOf(shape, live.slot).hasSecondPassword;
}

/** Both log in afterwards, and what logs in now does so all along. Which of the two ends as the first does not matter. */
function bothValid(shape: Shape, before: VersionRef, after: VersionRef): readonly Statement[] {
  const hasBefore = logsIn(shape, before);
  const hasAfter = logsIn(shape, after);
  const hasSecond = loginOf(shape, before.slot).hasSecondPassword;
  if (hasBefore && hasAfter) return [];
  if (hasAfter) return hasSecond ? [retaining(after), retaining(before)] : [retaining(before)];
  if (hasBefore) return hasSecond ? [retaining(before), retaining(after)] : [retaining(after)];
  return [plain(before), retaining(after)];
}

/** Never DISCARD alone: the first password must be made the live one before the second goes. */
function only(live: VersionRef): readonly Statement[] {
  return [plain(live), { kind: 'discard' }];
}

function plain(ref: VersionRef): Statement {
  return { kind: 'set', version: ref.version };
}

function retaining(ref: VersionRef): Statement {
  return { kind: 'set-retaining', version: ref.version };
}

/** The shape as it is once a locked login was opened with the live version as its first password. */
function reopened(shape: Shape, live: VersionRef): Shape {
  const logins = shape.logins.map((login) =>
    login.slot === live.slot ? { ...login, mayLogIn: true, hasVerifier: true, accepts: [live.version] } : login,
  );
  return { logins };
}
