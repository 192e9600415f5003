/** The last question before something is changed. */
import type { Terminal } from './terminal.ts';

/** Only a yes is a yes. Rejects when interrupted. */
export async function isConfirmed(terminal: Terminal, question: string): Promise<boolean> {
  const answer = await terminal.ask(`${question} [y/N] `, false);
  return /^y(es)?$/i.test(answer.trim());
}
