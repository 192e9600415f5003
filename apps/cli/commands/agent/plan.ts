/** `agent plan`: what would run, with the values masked; changes nothing. */
import { planLines } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { Command } from '../../command.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { fetchPlan, planKinds, strategyOf, strategyOption } from './plan-first.ts';

const needsAttention = 6;

export const plan: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    for: { type: 'text', placeholder: 'act', help: 'rotate (default), adopt or un-adopt', choices: planKinds },
    ...strategyOption,
  },
  run: async (input, context) => {
    const kind = planKinds.find((known) => known === input.optionalText('for')) ?? 'rotate';
    const found = await fetchPlan(context, input.identifier('secret'), kind, strategyOf(input));
    if (context.json) context.printJson(found);
    else for (const line of planLines(found)) context.terminal.print(line);
    return found.findings.some(({ severity }) => severity === 'blocks') ? needsAttention : 0;
  },
};
