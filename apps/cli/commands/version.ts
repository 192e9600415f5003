/** `version`. */
import { frontEndVersion } from '@sikkerkey/ui-shared/version.ts';
import type { Command } from '../command.ts';

export const version: Command = {
  run: async (_input, context) => {
    if (context.json) context.printJson({ version: frontEndVersion });
    else context.terminal.print(`sikkerkey ${frontEndVersion}`);
    return 0;
  },
};
