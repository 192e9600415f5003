/** `agent repair`: looks at the database now; a password that somebody else set goes only when a person says so. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { yesOption } from './plan-first.ts';

const declined = 1;
const needsAttention = 6;
const repairDeadlineMs = 110_000;

export const repair: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    'overwrite-foreign-password': { type: 'flag', help: 'replace a password that somebody else gave the live login' },
    ...yesOption,
  },
  details: [
    'Looks at the logins of the secret and brings them back to what the vault says; what is in order stays as it is.',
    'With --overwrite-foreign-password the live login gets the password of the vault again, and whoever uses the foreign one can no longer log in with it.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const overwriteForeignPassword = input.flag('overwrite-foreign-password');
    if (overwriteForeignPassword && !(await isOverwriteAccepted(input, context, secretId))) return declined;
    const client = await context.connect();
    const agent = await client.call('agent.repair', { secretId, overwriteForeignPassword }, { deadlineMs: repairDeadlineMs });
    if (context.json) context.printJson(agent);
    else context.terminal.print(`${secretId}: ${safeText(agent.state)}`);
    if (agent.errorCode === null) return 0;
    if (!context.json) for (const line of errorLines(wordsForError(agent.errorCode, agent.errorDetails))) context.terminal.complain(line);
    return needsAttention;
  },
};

/** Throws `confirmation-missing` where nobody can be asked and --yes is missing. */
async function isOverwriteAccepted(input: Input, context: Context, secretId: string): Promise<boolean> {
  const { terminal } = context;
  if (!context.json) {
    terminal.complain(`the live login of ${secretId} gets the password that the vault has for it`);
    terminal.complain('whoever logs in with the password that somebody else set there is refused from then on; open sessions stay');
  }
  if (input.flag('yes')) return true;
  const command = `${input.commandName} --secret ${secretId} --overwrite-foreign-password`;
  if (!terminal.isInteractive) throw new CatalogueError('confirmation-missing', { command });
  if (/^y(es)?$/i.test((await terminal.ask('\nGo ahead? [y/N] ', false)).trim())) return true;
  terminal.complain('nothing was done');
  return false;
}
