/** One operator's call: the daemon holds the key and signs; this program checks the words and shows the answer. */
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import type { Command } from './command.ts';
import type { OptionTable, PositionalSpec } from './command-form.ts';
import type { Context } from './context.ts';
import type { Input } from './input.ts';

export const vaultOption: OptionTable = {
  vault: { type: 'text', placeholder: 'id', help: 'the vault, where there is more than one' },
};
const callDeadlineMs = 60_000;

/** Throws DaemonError with the vault's code (`access-denied`, `not-found`, …). */
export async function callAsOperator<R extends OperatorRoute>(
  input: Input,
  context: Context,
  route: R,
  body: OperatorBody<R>,
): Promise<OperatorAnswer<R>> {
  const vaultId = input.optionalIdentifier('vault') ?? context.environment.vault;
  const client = await context.connect();
  const { answer } = await client.call(
    'operator.call',
    { route, body, ...(vaultId === undefined ? {} : { vaultId }) },
    { deadlineMs: callDeadlineMs },
  );
  // The daemon checked it against the route's schema; this end only shows it.
  return answer as OperatorAnswer<R>;
}

/** A remark, or what to do next and the command for it. */
export type Hint = string | readonly [words: string, command: string];

interface OperatorCommand<R extends OperatorRoute> {
  readonly route: R;
  readonly positionals?: readonly PositionalSpec[];
  readonly options?: OptionTable;
  readonly details?: readonly string[];
  readonly body: (input: Input, context: Context) => OperatorBody<R> | Promise<OperatorBody<R>>;
  /** Lines for stdout, which is `cells` wide, or of any width. */
  readonly lines: (answer: OperatorAnswer<R>, input: Input, cells: number | null) => readonly string[];
  /** Hints for stderr. */
  readonly hints?: (answer: OperatorAnswer<R>, input: Input) => readonly Hint[];
}

/** A command that is one call of the operator's table. With --json it prints the vault's answer as it is. */
export function operatorCommand<R extends OperatorRoute>(parts: OperatorCommand<R>): Command {
  return {
    ...(parts.positionals === undefined ? {} : { positionals: parts.positionals }),
    ...(parts.details === undefined ? {} : { details: parts.details }),
    options: { ...parts.options, ...vaultOption },
    run: async (input, context) => {
      const answer = await callAsOperator(input, context, parts.route, await parts.body(input, context));
      if (context.json) context.printJson(answer);
      else {
        for (const line of parts.lines(answer, input, context.terminal.columns)) context.terminal.print(line);
        for (const hint of parts.hints?.(answer, input) ?? []) {
          const [words, command] = typeof hint === 'string' ? [hint] : hint;
          context.hint(words, command);
        }
      }
      return 0;
    },
  };
}
