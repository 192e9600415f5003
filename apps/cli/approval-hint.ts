/** What an operator has to do for a machine that waits: the words and the command, wherever the wait is told. */
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';

export function approvalHint({ machineId, fingerprint }: VaultFact): readonly [words: string, command: string] {
  const command = `sikkerkey admin machine approve ${machineId} --fingerprint ${safeText(fingerprint)}`;
  return ['next, for an operator who has compared the fingerprint', command];
}
