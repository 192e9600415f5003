/** `completion`: scripts made from the command table, so that they cannot fall behind it. */
import type { Command } from '../command.ts';
import { groupSummaries } from '../command-groups.ts';
import { completionPlaces } from '../completion/completion-data.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export const completion: Command = {
  positionals: [{ name: 'shell', help: shells.join(', '), required: true }],
  details: [
    'bash: source <(sikkerkey completion bash)   zsh: source <(sikkerkey completion zsh)   fish: sikkerkey completion fish | source',
  ],
  run: async (input, context) => {
    const shell = shells.find((known) => known === input.text('shell')) ?? input.fail(`shells are ${shells.join(', ')}`);
    const completions = await completionPlaces(context.commands, groupSummaries, shells);
    if (context.json) context.printJson({ shell, completions });
    else context.terminal.print((await scriptFor(shell))(completions));
    return 0;
  },
};

async function scriptFor(shell: Shell) {
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash-script.ts')).bashScript;
    case 'zsh':
      return (await import('../completion/zsh-script.ts')).zshScript;
    case 'fish':
      return (await import('../completion/fish-script.ts')).fishScript;
    default:
      return shell satisfies never;
  }
}
