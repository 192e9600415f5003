/** The plans as they would be without rule 5 or rule 6: what a reasonable first version does. Only the search runs them. */
import type { StrategyTable } from '@sikkerkey/core/rotation/strategies/by-name.ts';
import { strategies } from '@sikkerkey/core/rotation/strategies/by-name.ts';
import {
  loginOf,
  logsIn,
  required,
  type SessionGoal,
  type StrategyRules,
  statements,
} from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { Shape, Statement, VersionRef, Versions } from '@sikkerkey/core/rotation/types.ts';
import type { Rules } from './rules.ts';

export function weakenedStrategies(rules: Rules): StrategyTable {
  const withSeconds = rules.secondPasswordUnknown ? strategies : { ...strategies, retain: trustsSecondPassword };
  if (rules.wholeShape) return withSeconds;
  const { flip, single, retain } = withSeconds;
  return { flip: looksAtLiveOnly(flip, enable), single: looksAtLiveOnly(single, plain), retain: looksAtLiveOnly(retain, plain) };
}

/** Without rule 5: a second password that is there is taken for the old one. */
const trustsSecondPassword: StrategyRules = {
  ...strategies.retain,
  plan: (goal, shape, versions) => {
    const { live } = versions;
    if (goal === 'retire') return statements({ kind: 'discard' });
    if (goal !== 'apply') return strategies.retain.plan(goal, shape, versions);
    const pending = required(versions.pending, goal);
    if (logsIn(shape, pending)) return statements();
    const hasSecond = loginOf(shape, live.slot).hasSecondPassword;
    const bringIn: Statement = hasSecond ? plain(pending) : { kind: 'set-retaining', version: pending.version };
    return logsIn(shape, live) ? statements(bringIn) : statements(plain(live), bringIn);
  },
};

/** Without rule 6: only the live version is probed, and only it is repaired. */
function looksAtLiveOnly(whole: StrategyRules, bring: (ref: VersionRef) => Statement): StrategyRules {
  return {
    ...whole,
    isDrifted: (shape: Shape, versions: Versions) => !logsIn(shape, versions.live),
    plan: (goal: SessionGoal, shape: Shape, versions: Versions) => {
      if (goal !== 'repair' && goal !== 'repair-while-draining') return whole.plan(goal, shape, versions);
      return logsIn(shape, versions.live) ? statements() : statements(bring(versions.live));
    },
  };
}

function enable({ slot, version }: VersionRef): Statement {
  return { kind: 'enable', slot, version };
}

function plain({ version }: VersionRef): Statement {
  return { kind: 'set', version };
}
