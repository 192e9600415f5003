/** `tui`: the terminal console, a program of its own so that no command pays for its start. */
import { runInForeground } from '@sikkerkey/host/foreground-program.ts';
import type { Command } from '../command.ts';
import { terminalConsoleProgram } from '../programs.ts';

export const tui: Command = {
  options: {
    ascii: { type: 'flag', help: 'no glyphs beyond ASCII' },
    'screen-reader': { type: 'flag', help: 'linear text; only changes are announced' },
  },
  run: async (input, context) => {
    const { file, args } = terminalConsoleProgram();
    const flags = ['ascii', 'screen-reader'].filter((name) => input.flag(name)).map((name) => `--${name}`);
    return runInForeground(file, [...args, ...flags, ...(context.json ? ['--json'] : [])], {
      SIKKERKEY_HOME: context.home.base,
      ...(context.environment.noColor ? { NO_COLOR: '1' } : {}),
    });
  },
};
