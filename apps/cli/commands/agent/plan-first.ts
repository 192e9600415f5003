/** Plan, question, act: no rotation and no adoption begins before its plan was shown and somebody said yes. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { planLines, planWords } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { OptionTable } from '../../command-form.ts';
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
export const waitOption: OptionTable = { wait: { type: 'flag', help: 'follow the rotation until the new password is live' } };

export function strategyOf(input: Input): (typeof strategies)[number] | undefined {
  return strategies.find((known) => known === input.optionalText('strategy'));
}

export async function fetchPlan(
  context: Context,
  secretId: string,
  kind: Plan['kind'],
  strategy?: (typeof strategies)[number],
): Promise<Plan> {
  const client = await context.connect();
  return client.call('agent.plan', { secretId, kind, ...(strategy === undefined ? {} : { strategy }) }, { deadlineMs: planDeadlineMs });
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
  const answer = await terminal.ask('\nGo ahead? [y/N] ', false);
  if (/^y(es)?$/i.test(answer.trim())) return true;
  terminal.complain('nothing was done');
  return false;
}
