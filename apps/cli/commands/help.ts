/** `help [command…]`. */
import type { Command } from '../command.ts';
import { findInTable } from '../command-form.ts';
import { helpLines, overviewLines } from '../help.ts';

export const help: Command = {
  positionals: [1, 2, 3].map((position) => ({ name: `word${position}`, help: 'a command', required: false })),
  run: async (input, context) => {
    const { commands } = context;
    const words = ['word1', 'word2', 'word3'].flatMap((name) => input.optionalText(name) ?? []);
    const entry = findInTable(commands, words);
    if (context.json) context.printJson({ commands: commands.map(({ path, summary }) => ({ command: path.join(' '), summary })) });
    else if (entry !== null)
      for (const line of helpLines(entry, await entry.load(), context.terminal.columns)) context.terminal.print(line);
    else if (commands.some(({ path }) => words.every((word, index) => path[index] === word))) {
      for (const line of overviewLines(commands, words, context.terminal.columns)) context.terminal.print(line);
    } else input.fail('there is no such command');
    return 0;
  },
};
