/** `daemon status`: whether it runs, and where; never starts it. Exit 3 when it does not run. */
import { spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import type { Command } from '../../command.ts';
import { factLines } from '../../table.ts';

export const status: Command = {
  run: async (_input, context) => {
    const client = await context.connect({ startOnDemand: false });
    const { role } = await client.hello;
    const { daemon, vaults, agents } = await client.call('daemon.status', {});
    if (context.json) {
      context.printJson({ running: true, daemon, role, vaults: vaults.length, agents });
      return 0;
    }
    const lines = factLines(
      [
        ['daemon', `running (pid ${daemon.pid})`],
        ['version', `${daemon.version}, wire ${daemon.wireVersion}`],
        ['up', spanWords(context.clock.now() - daemon.startedAt)],
        ['home', daemon.home],
        ['socket', context.home.socket],
        ['journal', daemon.journal],
        ['you may', role],
        ['vaults', String(vaults.length)],
        ['agents', String(agents)],
      ],
      context.terminal.columns,
    );
    for (const line of lines) context.terminal.print(line);
    return 0;
  },
};
