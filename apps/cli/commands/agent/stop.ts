/** `agent stop`: the agent reaches its next journalled boundary and stops; the configuration stays. */
import type { Command } from '../../command.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';

export const stop: Command = {
  positionals: secretPositional,
  options: secretOption,
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const agent = await (await context.connect()).call('agent.stop', { secretId });
    if (context.json) context.printJson(agent);
    else context.terminal.print(`stopped ${secretId}`);
    return 0;
  },
};
