/** `agent adopt` and `agent un-adopt`: the only places where logins are created and given back; planned, then asked for. */
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { fetchPlan, isPlanAccepted, strategyOf, strategyOption, waitOption, yesOption } from './plan-first.ts';
import { waitUntilPromoted } from './wait-for-rotation.ts';

const declined = 1;

export const adopt: Command = {
  positionals: secretPositional,
  options: { ...secretOption, ...strategyOption, ...yesOption, ...waitOption },
  details: ['Nothing is changed before you said yes to the plan. Sessions and running applications keep working throughout.'],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const strategy = strategyOf(input);
    const plan = await fetchPlan(context, secretId, 'adopt', strategy);
    if (!(await isPlanAccepted(input, context, plan))) return declined;
    const client = await context.connect();
    const { rotationId } = await client.call('agent.adopt', { secretId, ...(strategy === undefined ? {} : { strategy }) });
    return tell(input, context, secretId, rotationId, 'adoption');
  },
};

export const unAdopt: Command = {
  positionals: secretPositional,
  options: { ...secretOption, ...yesOption, ...waitOption },
  details: ['The login goes back to one name with one password; the logins that took turns are removed once nobody uses them.'],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const plan = await fetchPlan(context, secretId, 'un-adopt');
    if (!(await isPlanAccepted(input, context, plan))) return declined;
    const client = await context.connect();
    const { rotationId } = await client.call('agent.unAdopt', { secretId });
    return tell(input, context, secretId, rotationId, 'return');
  },
};

async function tell(input: Input, context: Context, secretId: string, rotationId: string, act: string): Promise<number> {
  if (input.flag('wait')) await waitUntilPromoted(context, await context.connect(), secretId, rotationId);
  if (context.json) context.printJson({ secretId, rotationId });
  else {
    context.terminal.print(`${act} of ${secretId} ${input.flag('wait') ? 'is live' : 'has begun'} (${rotationId})`);
    if (!input.flag('wait')) context.terminal.complain(`# follow it: sikkerkey agent start --secret ${secretId}`);
  }
  return 0;
}
