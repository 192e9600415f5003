/** Who still uses an old password, until when, and the way out: the same words wherever a rotation waits. */
import type { HoldOutFact } from '@sikkerkey/protocol/local/state.ts';
import type { ReaderHold } from '@sikkerkey/protocol/vault/machine.ts';
import { instantWords } from '../state/age.ts';
import { safeText } from './safe-text.ts';

/** `api-7/main` · `3 command-line reads on api-7, last 2026-11-21 12:41:07Z`. */
export function holderWords({ kind, name, count, lastReadAt }: HoldOutFact): string {
  const last = lastReadAt === undefined ? '' : `, last ${instantWords(lastReadAt)}`;
  switch (kind) {
    case 'reader':
    case 'session':
      return count === 1 && kind === 'reader' ? safeText(name) : `${safeText(name)} (${count})`;
    case 'command-line':
      return `${count} command-line ${readsWord(count)} on ${safeText(name)}${last}`;
    case 'published-client':
      return `${count} ${readsWord(count)} by published clients on ${safeText(name)}${last}`;
    case 'unnamed-reader':
      return safeText(name);
    default:
      return kind satisfies never;
  }
}

/** The same for what an operator's answer names; a process by its run too, so that it can be found. */
export function readerHoldWords({ kind, machineName, pool, instance, reads, lastReadAt, heldUntil }: ReaderHold): string {
  const name = pool === null ? machineName : `${machineName}/${pool}${instance === null ? '' : ` (${instance})`}`;
  const until = heldUntil === null ? '' : `, until ${instantWords(heldUntil)}`;
  return `${holderWords({ kind, name, count: reads, ...(lastReadAt === null ? {} : { lastReadAt }) })}${until}`;
}

/** What a rotation waits for, and until when. */
export function waitWords(holders: readonly string[], drainDeadlineAt: number | null): string {
  const until = drainDeadlineAt === null ? '' : `, at the latest until ${instantWords(drainDeadlineAt)}`;
  return holders.length === 0 ? `it waits until the old password is retired${until}` : `it waits for ${holders.join('; ')}${until}`;
}

/** The command that ends the wait, and what it risks. */
export function endTheWait(secretId: string): readonly [words: string, command: string] {
  return ['to end the wait and lock out whoever still uses the old password', `sikkerkey admin retire-now ${safeText(secretId)}`];
}

function readsWord(count: number): string {
  return count === 1 ? 'read' : 'reads';
}
