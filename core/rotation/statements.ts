/** What each statement promises about being sent again: the difference that decides whether a lost reply may cost a password. */
import type { Statement } from './types.ts';

/**
 * `repeatable`: sending it twice ends as sending it once. `look-first`: only a look says whether it may be sent again
 * (rotation.md §3.1: a repeated RETAIN destroys the old password).
 */
export function repetitionOf(statement: Statement): 'repeatable' | 'look-first' {
  switch (statement.kind) {
    case 'enable':
    case 'disable':
    case 'set':
    case 'discard':
      return 'repeatable';
    case 'set-retaining':
      return 'look-first';
    default:
      throw new Error('unknown statement', { cause: statement satisfies never });
  }
}
