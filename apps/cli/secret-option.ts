/** `--secret <id>`, as published, or the id alone: `agent rotate sk_1`. */
import type { OptionTable, PositionalSpec } from './command-form.ts';

export const secretOption: OptionTable = {
  secret: { type: 'text', placeholder: 'id', help: 'the secret that the agent serves', required: true },
};
export const secretPositional: readonly PositionalSpec[] = [{ name: 'secret', help: 'in place of --secret', required: false }];
export const secretId: readonly PositionalSpec[] = [{ name: 'secret', help: 'id of the secret', required: true }];
