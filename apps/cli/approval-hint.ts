/** What an operator has to do for a machine that waits: the words and the command, wherever the wait is told. */
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { approvalCommand } from '@sikkerkey/ui-shared/wording/approval.ts';

/** A machine that waits beside one that is in use takes over once it may do what that one may: what to say before its approval. */
export function accessHints({ machineId, successor }: VaultFact): readonly (readonly [words: string, command: string])[] {
  if (successor === undefined || successor.machineId !== machineId) return [];
  return [
    [
      'first, since it takes over only once it may do what the machine in use may: let it see the same projects',
      `sikkerkey admin machine attach ${machineId} --project <id>`,
    ],
    [
      'and give it the same grants (rotate for each agent here, read for each application)',
      `sikkerkey admin grant add <secret> --machine ${machineId} --permission rotate`,
    ],
  ];
}

export function approvalHint(vault: VaultFact): readonly [words: string, command: string] {
  return ['next, for an operator who has compared the fingerprint', approvalCommand(vault)];
}
