/** Plan, question, act: no rotation and no adoption begins before its plan was shown and somebody said yes. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { planLines, planWords } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { OptionTable } from '../../command-form.ts';
import { isConfirmed } from '../../confirm.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';

export const planKinds = ['rotate', 'adopt', 'un-adopt'] as const;
const strategies = ['flip', 'single'] as const;
const planDeadlineMs = 60_000;

export const strategyOption: OptionTable = {
  strategy: {
    type: 'text',
    placeholder: 'name',
    help: "flip or single (default: what the server's inspection proposes)",
    choices: strategies,
  },
};
export const yesOption: OptionTable = { yes: { type: 'flag', short: 'y', help: 'do not ask' } };
export const acceptHbaOption: OptionTable = {
  'accept-hba': { type: 'flag', help: 'go on although pg_hba.conf treats a login slot otherwise than the login' },
};
export const waitOption: OptionTable = { wait: { type: 'flag', help: 'follow the rotation until the new password is live' } };

export function strategyOf(input: Input): (typeof strategies)[number] | undefined {
  return strategies.find((known) => known === input.optionalText('strategy'));
}

export async function fetchPlan(
  context: Context,
  secretId: string,
  kind: Plan['kind'],
  strategy?: (typeof strategies)[number],
  acceptHba = false,
): Promise<Plan> {
  const client = await context.connect();
  const asked = { secretId, kind, ...(strategy === undefined ? {} : { strategy }), ...(acceptHba ? { acceptHba } : {}) };
  return client.call('agent.plan', asked, { deadlineMs: planDeadlineMs });
}

/**
 * Shows the plan on stderr (stdout belongs to the result) and asks. Answers false when the person says no. Throws
 * `plan-blocked` and, where nobody can be asked and --yes is missing, `confirmation-missing`.
 */
export async function isPlanAccepted(input: Input, context: Context, plan: Plan, flags: readonly string[] = []): Promise<boolean> {
  const { terminal } = context;
  if (!context.json) for (const line of planLines(plan, terminal.complaintColumns)) terminal.complain(line);
  const { blocking } = planWords(plan);
  if (blocking.length > 0) throw new CatalogueError('plan-blocked', { findings: blocking.join(', '), secretId: plan.secretId });
  if (input.flag('yes')) return true;
  if (!terminal.isInteractive)
    throw new CatalogueError('confirmation-missing', { command: [input.commandName, '--secret', plan.secretId, ...flags].join(' ') });
  if (await isConfirmed(terminal, '\nGo ahead?')) return true;
  terminal.complain('nothing was done');
  return false;
}
