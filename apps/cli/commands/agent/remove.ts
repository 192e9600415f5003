/** `agent remove`: the local configuration only; the managed secret and its schedule stay as they are. */
import type { Command } from '../../command.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';

export const remove: Command = {
  positionals: secretPositional,
  options: secretOption,
  details: [
    'Removes the local configuration only. The managed secret, its rotation schedule and the login in the database stay as they are.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    await (await context.connect()).call('agent.remove', { secretId });
    if (context.json) context.printJson({ secretId, removed: true });
    else context.terminal.print(`removed the local configuration of ${secretId}; the secret in the vault is untouched`);
    return 0;
  },
};
