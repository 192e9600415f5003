/** `daemon start`: starts it where it does not run; `--foreground` shows its log, which is where a failed start explains itself. */
import { runInForeground } from '@sikkerkey/host/foreground-program.ts';
import type { Command } from '../../command.ts';
import { daemonProgram } from '../../programs.ts';

export const start: Command = {
  options: { foreground: { type: 'flag', help: 'run it here, with its log on this terminal, until interrupted' } },
  run: async (input, context) => {
    if (input.flag('foreground')) {
      const { file, args } = daemonProgram();
      return runInForeground(file, [...args, '--home', context.home.base, '--foreground'], {});
    }
    const client = await context.connect();
    const { daemon } = await client.call('daemon.status', {});
    if (context.json) context.printJson({ running: true, daemon });
    else context.terminal.print(`daemon running (pid ${daemon.pid}, version ${daemon.version})`);
    return 0;
  },
};
