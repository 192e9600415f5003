/**
 * `agent remove`: the local configuration only; the managed secret and its schedule stay as they are. With `--abandon` what
 * is in flight ends as well, because its database is gone for good; what may be left there is named.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { LocalResult } from '@sikkerkey/protocol/local/methods.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Command } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { yesOption } from './plan-first.ts';

type LeftBehind = LocalResult<'agent.remove'>['leftBehind'][number];

const declined = 1;

export const remove: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    abandon: { type: 'flag', help: 'the database is gone for good: end what is in flight as well' },
    reason: { type: 'text', placeholder: 'text', help: 'with --abandon: why, for the audit log of the vault' },
    ...yesOption,
  },
  details: [
    'Removes the local configuration only. The managed secret, its rotation schedule and the login in the database stay as they are.',
    'While a rotation is in flight this is refused. With --abandon and --reason it ends at the vault without anybody having looked at the database, the secret is no longer under management, and every version that the database may still hold stays sealed in the vault, as far as it knows them. What those are is printed, and kept in the journal of the daemon.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const reason = reasonOf(input);
    if (reason !== undefined && !(await isAbandonmentAccepted(input, context, secretId))) return declined;
    const client = await context.connect();
    const { leftBehind } = await client.call('agent.remove', { secretId, ...(reason === undefined ? {} : { abandon: { reason } }) });
    if (context.json) context.printJson({ secretId, removed: true, ...(reason === undefined ? {} : { leftBehind }) });
    else if (reason === undefined) context.tell(`removed the local configuration of ${secretId}; the secret in the vault is untouched`);
    else tellAbandoned(context, secretId, leftBehind);
    return 0;
  },
};

function reasonOf(input: Input): string | undefined {
  const reason = input.optionalText('reason')?.trim();
  if (!input.flag('abandon')) return reason === undefined ? undefined : input.fail('--reason belongs to --abandon');
  if (reason === undefined || !/^[^\p{C}]{1,200}$/u.test(reason))
    return input.fail('--abandon needs --reason, one line of up to 200 characters');
  return reason;
}

/** The id is typed, since a yes comes too easily. Throws `confirmation-missing` where nobody can be asked and --yes is missing. */
async function isAbandonmentAccepted(input: Input, context: Context, secretId: string): Promise<boolean> {
  const { terminal } = context;
  if (!context.json) {
    context.warn(`what is in flight of ${secretId} ends, and nobody looks at its database any more`);
    context.warn('a login that the database holds stays open there; where the database answers, un-adopt or repair instead');
    context.warn('a value that this host alone knows, because the vault was restored from a backup, is forgotten');
  }
  if (input.flag('yes')) return true;
  const command = `${input.commandName} --secret ${secretId} --abandon --reason TEXT`;
  if (!terminal.isInteractive) throw new CatalogueError('confirmation-missing', { command });
  if ((await terminal.ask(`\nType ${secretId} to abandon it: `, false)).trim() === secretId) return true;
  terminal.complain('nothing was done');
  return false;
}

function tellAbandoned(context: Context, secretId: string, leftBehind: readonly LeftBehind[]): void {
  context.terminal.print(`abandoned ${secretId}; the database may still hold:`);
  for (const { login, version, label } of leftBehind) {
    context.terminal.print(`  ${safeText(login)}: ${carriedOf(version, label)}`);
  }
}

function carriedOf(version: LeftBehind['version'], label: LeftBehind['label']): string {
  if (version === null) return 'no version that the vault knows of';
  return label === 'none' ? `v${version}, which the vault does not name` : `v${version} (${label}), sealed in the vault`;
}
