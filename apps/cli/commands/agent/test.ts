/** `agent test`: connects to the database and checks privileges; changes nothing. */

import { wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { commandLines } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { findingLines } from '@sikkerkey/ui-shared/wording/plan.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Command } from '../../command.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';

const needsAttention = 6;

/** A finding that is looked at again by this command needs no word about it. */
const isThisCommand = (command: string): boolean => command.startsWith('sikkerkey agent test ');

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
        const { nextStep } = wordsForError(finding.code, { secretId, ...finding.details });
        if (nextStep === null || isThisCommand(nextStep)) continue;
        for (const line of commandLines('    next step: ', nextStep, complaintColumns)) context.terminal.complain(line);
      }
    }
    return isBlocked ? needsAttention : 0;
  },
};
