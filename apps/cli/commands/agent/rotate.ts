/** `agent rotate`: shows the plan, asks, and begins a rotation. */
import type { Command } from '../../command.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { fetchPlan, isPlanAccepted, waitOption, yesOption } from './plan-first.ts';
import { waitUntilPromoted } from './wait-for-rotation.ts';

const declined = 1;

export const rotate: Command = {
  positionals: secretPositional,
  options: { ...secretOption, ...yesOption, ...waitOption },
  details: [
    'A rotation asked for while the one before still drains waits for it (waiting-for-drain), so that no application is locked out.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const plan = await fetchPlan(context, secretId, 'rotate');
    if (!(await isPlanAccepted(input, context, plan))) return declined;
    const client = await context.connect();
    const { rotationId, state } = await client.call('agent.rotate', { secretId });
    if (input.flag('wait')) await waitUntilPromoted(context, client, secretId, rotationId);
    if (context.json) context.printJson({ secretId, rotationId, state: input.flag('wait') ? 'promoted' : state });
    else if (input.flag('wait')) context.terminal.print(`rotated ${secretId} (${rotationId})`);
    else {
      const waits = state === 'waiting-for-drain' ? '; it waits until nobody holds the password before the last' : '';
      context.terminal.print(`rotation ${rotationId} of ${secretId} asked for${waits}`);
      context.terminal.complain(`# follow it: sikkerkey agent start --secret ${secretId}`);
    }
    return 0;
  },
};
