/** One login, one password, in place: from the statement until each reader has read anew, its logins fail. The last resort. */
import type { Shape, Statement, Versions } from '../types.ts';
import { loginOf, logsIn, type Plan, required, type SessionGoal, type StrategyRules, statements } from './strategy.ts';

export const single: StrategyRules = {
  hasOverlap: false,
  plan,
  isDrifted: (shape, versions) => !logsIn(shape, versions.live),
};

function plan(goal: SessionGoal, shape: Shape, versions: Versions): Plan {
  const wanted = goal === 'apply' ? required(versions.pending, goal) : versions.live;
  if (logsIn(shape, wanted)) return statements();
  const login = loginOf(shape, wanted.slot);
  if (!login.exists) return { kind: 'login-missing', slot: wanted.slot };
  const { slot, version } = wanted;
  const statement: Statement = login.mayLogIn ? { kind: 'set', version } : { kind: 'enable', slot, version };
  return statements(statement);
}
