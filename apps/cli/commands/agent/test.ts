/** `agent test`: connects to the database and checks privileges; changes nothing. */

import { findingLines, findingStep, stepLines } from '@sikkerkey/ui-shared/wording/plan.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Command } from '../../command.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';

const needsAttention = 6;

export const test: Command = {
  positionals: secretPositional,
  options: secretOption,
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const client = await context.connect();
    const tested = await client.call('agent.test', { secretId }, { deadlineMs: 60_000 });
    const isBlocked = tested.findings.some(({ severity }) => severity === 'blocks');
    if (context.json) context.printJson({ secretId, ok: !isBlocked, ...tested });
    else {
      context.terminal.print(isBlocked ? 'FAILED' : `OK  (server ${safeText(tested.serverVersion)})`);
      const { complaintColumns } = context.terminal;
      for (const finding of tested.findings) {
        for (const line of findingLines(finding, complaintColumns)) context.terminal.complain(line);
        for (const line of stepLines(findingStep(secretId, finding), complaintColumns)) context.terminal.complain(line);
      }
    }
    return isBlocked ? needsAttention : 0;
  },
};
