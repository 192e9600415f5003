/** One line for each thing an agent does, for those who follow it line by line (CLI, screen reader, pipe). */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { conditionOfState } from '../state/agent-condition.ts';
import { stepNumber } from '../state/step-rail.ts';
import { wordsForError } from './errors.ts';
import { holderWords } from './holders.ts';
import { safeText } from './safe-text.ts';

/** Null when nothing worth a line changed (a heartbeat, say). */
export function progressLine(before: AgentFact | null, after: AgentFact): string | null {
  if (
    before !== null &&
    before.state === after.state &&
    before.step === after.step &&
    before.errorCode === after.errorCode &&
    before.running === after.running &&
    before.rotationId === after.rotationId &&
    holdOutCount(before) === holdOutCount(after)
  ) {
    return null;
  }
  const line = lineOf(after);
  // Two states of the daemon's can be one to a reader (SEALED and APPLYING); what reads the same is said once.
  return before !== null && lineOf(before) === line ? null : line;
}

function lineOf(after: AgentFact): string {
  const rail = after.step === null ? '' : ` · step ${stepNumber(after.step)} ${after.step}`;
  const version = after.version === null ? '' : ` · v${after.version}`;
  const rotation = after.rotationId === null ? '' : ` · ${after.rotationId}`;
  const holders = after.holdOuts.length === 0 ? '' : ` · still held by ${holdOutWords(after)}`;
  const trouble =
    after.errorCode === null ? '' : ` · ${wordsForError(after.errorCode, after.errorDetails).title} (${safeText(after.errorCode)})`;
  return `${conditionOfState(after.state)}${rail}${version}${rotation}${holders}${trouble}`;
}

/** `api-7/main; 3 command-line reads on cron-1, last …`. */
export function holdOutWords({ holdOuts }: Pick<AgentFact, 'holdOuts'>): string {
  return holdOuts.map(holderWords).join('; ');
}

function holdOutCount({ holdOuts }: AgentFact): number {
  return holdOuts.reduce((sum, { count }) => sum + count, 0);
}
