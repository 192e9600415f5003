/** What `sikkerkeyd` may be told when it is started. */
import { parseArgs } from 'node:util';

export interface DaemonArguments {
  readonly home: string | undefined;
  /** Logs to standard output and stays with the terminal. */
  readonly foreground: boolean;
  readonly show: 'help' | 'version' | null;
}

export const usage = `sikkerkeyd: applies credential rotations to databases

  sikkerkeyd [--home DIR] [--foreground]

  --home DIR      stands for ~/.sikkerkey (also SIKKERKEY_HOME)
  --foreground    log to standard output instead of HOME/daemon/daemon.log
  --version       print the version
`;

/** Null for what cannot be understood. */
export function readArguments(words: readonly string[]): DaemonArguments | null {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        home: { type: 'string' },
        foreground: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    });
    if (values.home === '') return null;
    return { home: values.home, foreground: values.foreground, show: values.help ? 'help' : values.version ? 'version' : null };
  } catch {
    // parseArgs quotes the word, which may be anything; the usage says what is accepted.
    return null;
  }
}
