/** `agent rotate`: shows the plan, asks, and begins a rotation. */
import { endTheWait, holderWords, waitWords } from '@sikkerkey/ui-shared/wording/holders.ts';
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
    const { rotationId, state, waitsFor } = await client.call('agent.rotate', { secretId });
    if (state === 'waiting-for-drain' && waitsFor !== null) {
      context.hint(waitWords(waitsFor.holdOuts.map(holderWords), waitsFor.drainDeadlineAt));
      context.hint(...endTheWait(secretId));
    }
    if (input.flag('wait')) await waitUntilPromoted(context, client, secretId, rotationId);
    if (context.json) context.printJson({ secretId, rotationId, state: input.flag('wait') ? 'promoted' : state, waitsFor });
    else if (input.flag('wait')) context.terminal.print(`rotated ${secretId} (${rotationId})`);
    else {
      const waits = state === 'waiting-for-drain' ? '; it begins when the one before has retired its old password' : '';
      context.tell(`rotation ${rotationId} of ${secretId} asked for${waits}`);
      context.hint('follow it', `sikkerkey agent start --secret ${secretId}`);
    }
    return 0;
  },
};
