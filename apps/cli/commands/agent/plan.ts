/** `agent plan`: what would run, with the values masked; changes nothing. */
import { planLines } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { fetchPlan, planKinds, strategyOf, strategyOption } from './plan-first.ts';

const needsAttention = 6;

export const plan: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    for: { type: 'text', placeholder: 'act', help: 'rotate, adopt or un-adopt (default: what can come next)', choices: planKinds },
    ...strategyOption,
  },
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const kind = planKinds.find((known) => known === input.optionalText('for')) ?? (await nextAct(context, secretId));
    const found = await fetchPlan(context, secretId, kind, strategyOf(input));
    if (context.json) context.printJson(found);
    else for (const line of planLines(found, context.terminal.columns)) context.terminal.print(line);
    return found.findings.some(({ severity }) => severity === 'blocks') ? needsAttention : 0;
  },
};

/** A login that is not under management yet is adopted before anything rotates: the plan of a rotation in place would mislead. */
async function nextAct(context: Context, secretId: string): Promise<'adopt' | 'rotate'> {
  const { agents } = await (await context.connect()).call('agent.list', {});
  const agent = agents.find((candidate) => candidate.secretId === secretId);
  // Without a version nothing was read from the vault yet, and adoption is not known.
  return agent !== undefined && agent.version !== null && !agent.adopted ? 'adopt' : 'rotate';
}
