/** Why a machine that was approved does not take the place of the one in use, and the command that lets it. */
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';

/** Null where none waits, or nothing keeps it. */
export function successorTrouble({ successor }: VaultFact): readonly [words: string, command: string] | null {
  if (successor?.errorCode === undefined) return null;
  const { whatHappened, nextStep } = wordsForError(successor.errorCode, successor.errorDetails ?? {});
  return [whatHappened, nextStep ?? ''];
}
