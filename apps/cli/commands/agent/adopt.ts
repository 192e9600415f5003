/** `agent adopt` and `agent un-adopt`: the only places where logins are created and given back; planned, then asked for. */
import { errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { acceptHbaOption, fetchPlan, isPlanAccepted, strategyOf, strategyOption, waitOption, yesOption } from './plan-first.ts';
import { waitUntilPromoted } from './wait-for-rotation.ts';

const declined = 1;
const needsAttention = 6;
/** Undoing looks at the database, which may take its time to answer. */
const unAdoptDeadlineMs = 110_000;

export const adopt: Command = {
  positionals: secretPositional,
  options: { ...secretOption, ...strategyOption, ...acceptHbaOption, ...yesOption, ...waitOption },
  details: ['Nothing is changed before you said yes to the plan. Sessions and running applications keep working throughout.'],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const strategy = strategyOf(input);
    const acceptHba = input.flag('accept-hba');
    const plan = await fetchPlan(context, secretId, 'adopt', strategy, acceptHba);
    if (!(await isPlanAccepted(input, context, plan, acceptHba ? ['--accept-hba'] : []))) return declined;
    const client = await context.connect();
    const asked = { secretId, ...(strategy === undefined ? {} : { strategy }), ...(acceptHba ? { acceptHba } : {}) };
    const { rotationId } = await client.call('agent.adopt', asked);
    return tell(input, context, secretId, rotationId, 'adoption');
  },
};

export const unAdopt: Command = {
  positionals: secretPositional,
  options: { ...secretOption, ...yesOption, ...waitOption },
  details: [
    'The login goes back to one name with one password; the logins that took turns are removed once nobody uses them.',
    'An adoption that has not gone live is undone instead, also where it is stuck: the login stays as it is, or gets back the password it came with where the new one was put in its place.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const plan = await fetchPlan(context, secretId, 'un-adopt');
    if (!(await isPlanAccepted(input, context, plan))) return declined;
    const client = await context.connect();
    const { rotationId, adoption } = await client.call('agent.unAdopt', { secretId }, { deadlineMs: unAdoptDeadlineMs });
    return adoption === 'going-back'
      ? tell(input, context, secretId, rotationId, 'return')
      : tellUndone(context, secretId, rotationId, adoption);
  },
};

/** The adoption never went live: there is no rotation to wait for, only whether the database let it be undone. */
async function tellUndone(context: Context, secretId: string, rotationId: string, adoption: 'undone' | 'being-undone'): Promise<number> {
  const { errorCode, errorDetails } = await (await context.connect()).call('agent.show', { secretId });
  if (context.json) context.printJson({ secretId, rotationId, adoption, errorCode });
  else context.terminal.print(`the adoption of ${secretId} ${adoption === 'undone' ? 'was undone' : 'is being undone'} (${rotationId})`);
  if (adoption === 'undone') return 0;
  if (errorCode !== null && !context.json)
    for (const line of errorLines(wordsForError(errorCode, errorDetails))) context.terminal.complain(line);
  return needsAttention;
}

async function tell(input: Input, context: Context, secretId: string, rotationId: string, act: string): Promise<number> {
  if (input.flag('wait')) await waitUntilPromoted(context, await context.connect(), secretId, rotationId);
  if (context.json) context.printJson({ secretId, rotationId });
  else {
    context.terminal.print(`${act} of ${secretId} ${input.flag('wait') ? 'is live' : 'has begun'} (${rotationId})`);
    if (!input.flag('wait')) context.hint('follow it', `sikkerkey agent start --secret ${secretId}`);
  }
  return 0;
}
