/** `agent repair`: looks at the database now; what is not ours to decide is done only when a person says so, plan first. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { conditionOfState } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import type { Command } from '../../command.ts';
import { isConfirmed } from '../../confirm.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { fetchPlan, isPlanAccepted, yesOption } from './plan-first.ts';

const declined = 1;
const needsAttention = 6;
const repairDeadlineMs = 110_000;
/** No statement can be shown for them: what they mean is said instead. */
const warnedRepairs = ['overwrite-foreign-password', 'accept-epoch'] as const;
/** Named as their plans are. */
const plannedRepairs = ['recreate-slots', 'accept-server'] as const;

export const repair: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    'overwrite-foreign-password': { type: 'flag', help: 'replace a password that somebody else gave the live login' },
    'recreate-slots': { type: 'flag', help: 'make login slots again that somebody dropped (shows the plan first)' },
    'accept-server': { type: 'flag', help: 'go on at the server that answers now, though it is another one (shows the plan first)' },
    'accept-epoch': { type: 'flag', help: 'go on above a claim that the vault does not know, with the versions that it knows' },
    ...yesOption,
  },
  details: [
    'Looks at the logins of the secret and brings them back to what the vault says; what is in order stays as it is.',
    'With --overwrite-foreign-password the live login gets the password of the vault again, and whoever uses the foreign one can no longer log in with it.',
    'At most one of --overwrite-foreign-password, --recreate-slots, --accept-server and --accept-epoch; the last three are each refused where the agent rests with another trouble.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const asserted = [...warnedRepairs, ...plannedRepairs].filter((word) => input.flag(word));
    if (asserted.length > 1) input.fail(`--${asserted.join(' and --')} do not go together`);
    if (!(await isAccepted(input, context, secretId))) return declined;
    const client = await context.connect();
    const asked = {
      overwriteForeignPassword: input.flag('overwrite-foreign-password'),
      recreateSlots: input.flag('recreate-slots'),
      acceptServer: input.flag('accept-server'),
      acceptEpoch: input.flag('accept-epoch'),
    };
    const agent = await client.call('agent.repair', { secretId, ...asked }, { deadlineMs: repairDeadlineMs });
    if (context.json) context.printJson(agent);
    else context.terminal.print(`${secretId}: ${conditionOfState(agent.state)}`);
    if (agent.errorCode === null) return 0;
    const trouble = wordsForError(agent.errorCode, agent.errorDetails);
    if (!context.json) for (const line of errorLines(trouble, context.terminal.complaintColumns)) context.terminal.complain(line);
    return needsAttention;
  },
};

async function isAccepted(input: Input, context: Context, secretId: string): Promise<boolean> {
  const planned = plannedRepairs.find((kind) => input.flag(kind));
  if (planned !== undefined) return isPlanAccepted(input, context, await fetchPlan(context, secretId, planned), [`--${planned}`]);
  const warned = warnedRepairs.find((word) => input.flag(word));
  return warned === undefined || (await isGoneAhead(input, context, secretId, warned));
}

/** Throws `confirmation-missing` where nobody can be asked and --yes is missing. */
async function isGoneAhead(input: Input, context: Context, secretId: string, word: (typeof warnedRepairs)[number]): Promise<boolean> {
  const { terminal } = context;
  if (!context.json) for (const line of warningsFor(word, secretId)) context.warn(line);
  if (input.flag('yes')) return true;
  const command = `${input.commandName} --secret ${secretId} --${word}`;
  if (!terminal.isInteractive) throw new CatalogueError('confirmation-missing', { command });
  if (await isConfirmed(terminal, '\nGo ahead?')) return true;
  terminal.complain('nothing was done');
  return false;
}

function warningsFor(word: (typeof warnedRepairs)[number], secretId: string): readonly string[] {
  switch (word) {
    case 'overwrite-foreign-password':
      return [
        `a login of ${secretId} gets the password that the vault has for it`,
        'whoever logs in with the password that somebody else set there is refused from then on; open sessions stay',
      ];
    case 'accept-epoch':
      return [
        `the vault goes on above a claim on ${secretId} that it does not know, with the versions that it knows`,
        'versions newer than those are lost: applications that hold one log in no more until they read the secret again',
        'a rotation in flight that the vault does not know ends, and its login is closed',
        'another vault that manages the same login is refused from then on',
      ];
    default:
      return word satisfies never;
  }
}
