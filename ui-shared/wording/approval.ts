/** What an operator has to do for a machine that waits, alone or in the place of one that is in use: the same on every surface. */
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { wordsForError } from './errors.ts';
import { safeText } from './safe-text.ts';

export function approvalCommand({ machineId, fingerprint }: Pick<VaultFact, 'machineId' | 'fingerprint'>): string {
  return `sikkerkey admin machine approve ${safeText(machineId)} --fingerprint ${safeText(fingerprint)}`;
}

/** Why a machine that was approved does not take the place of the one in use. Null where none waits, or nothing keeps it. */
export function successorTrouble({ successor }: VaultFact): readonly [words: string, command: string] | null {
  if (successor?.errorCode === undefined) return null;
  const { whatHappened, nextStep } = wordsForError(successor.errorCode, successor.errorDetails ?? {});
  return [whatHappened, nextStep ?? ''];
}

/** What keeps a machine from taking the place of the one in use, which goes on meanwhile. Null where none waits. */
export function successorWait(vault: VaultFact): readonly [words: string, command: string] | null {
  const { successor } = vault;
  if (successor?.machineState !== 'pending') return successorTrouble(vault);
  const words = `a machine that is to take the place of the one in use waits for approval (${safeText(successor.fingerprint)})`;
  return [words, approvalCommand(successor)];
}
