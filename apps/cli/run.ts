/**
 * From the words on the command line to an exit code. What fails as expected is shown from the catalogue; what does not
 * is named by its kind only: no stack and no foreign text reaches the terminal.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import { longestGroup } from './command-form.ts';
import { commandTable, findCommand } from './command-table.ts';
import { createContext } from './context.ts';
import { type Input, parseInput } from './input.ts';
import { Interrupted, type Terminal } from './terminal.ts';

const interruptedExit = 130;

/** Never throws. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const beforeDashes = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const json = beforeDashes.includes('--json');
  let typed: Readonly<Record<string, string>> = {};
  try {
    const entry = findCommand(args);
    const wantsHelp = beforeDashes.includes('--help') || beforeDashes.includes('-h');
    if (entry === null) return await withoutCommand(args, wantsHelp, terminal);
    const command = await entry.load();
    if (wantsHelp) {
      const { helpLines } = await import('./help.ts');
      for (const line of helpLines(entry, command, terminal.columns)) terminal.print(line);
      return 0;
    }
    const input = parseInput(entry.path.join(' '), command, args.slice(entry.path.length));
    typed = namedIn(input);
    const context = createContext(terminal, commandTable, json);
    try {
      return await command.run(input, context);
    } finally {
      context.close();
    }
  } catch (error) {
    if (error instanceof Interrupted) return interruptedExit;
    const { showFailure } = await import('./show-failure.ts');
    return showFailure(error, json, terminal, typed);
  }
}

/** What the command was about, by the names that remedies use. Ids only: other words may be secret. */
function namedIn(input: Input): Readonly<Record<string, string>> {
  const facts = { secretId: 'secret', machineId: 'machine', permission: 'permission' } as const;
  const named = Object.entries(facts).map(([fact, option]) => [fact, input.optionalText(option) ?? ''] as const);
  return Object.fromEntries(named.filter(([, text]) => isIdentifier(text)));
}

/** Throws CatalogueError `command-unknown` where the words name neither a command nor a group of them. */
async function withoutCommand(args: readonly string[], wantsHelp: boolean, terminal: Terminal): Promise<number> {
  if (args[0] === '--version' || args[0] === '-v') return runCommandLine(['version'], terminal);
  const firstOption = args.findIndex((word) => word.startsWith('-'));
  const words = firstOption < 0 ? args : args.slice(0, firstOption);
  const group = longestGroup(commandTable, words);
  if (group.length < words.length) throw new CatalogueError('command-unknown', { command: nameUpTo(words, group.length) });
  const { overviewLines } = await import('./help.ts');
  for (const line of overviewLines(commandTable, group, terminal.columns)) terminal.print(line);
  return wantsHelp ? 0 : 2;
}

/** The group and the one word that it has no command for; what follows is not repeated, for it may hold a secret. */
function nameUpTo(words: readonly string[], unknownAt: number): string {
  return words
    .slice(0, unknownAt + 1)
    .join(' ')
    .slice(0, 64);
}
