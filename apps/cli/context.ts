/** What every command is given: the terminal, the places on disk, time, and the way to the daemon, opened when asked for. */
import { connectToDaemon } from '@sikkerkey/connect-to-daemon/connect.ts';
import { type Environment, readEnvironment } from '@sikkerkey/host/environment.ts';
import { type Home, homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { frontEndVersion } from '@sikkerkey/ui-shared/version.ts';
import { hintLines, wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import type { TableRow } from './command-form.ts';
import { daemonProgram } from './programs.ts';
import type { Terminal } from './terminal.ts';

export interface Context {
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly home: Home;
  readonly clock: Timekeeper;
  readonly json: boolean;
  /** All commands, for help and completion. */
  readonly commands: readonly TableRow[];
  /** A sentence on stdout, broken between words where the terminal is narrow. */
  tell(sentence: string): void;
  /** A sentence on stderr that must be read before a question is answered. */
  warn(sentence: string): void;
  /** A remark on stderr, `# …`; `command` is what to type next, kept whole so that it can be pasted. */
  hint(words: string, command?: string): void;
  /** Prints one JSON value on stdout. */
  printJson(value: unknown): void;
  /** One connection for the whole command. `startOnDemand` (default) starts the daemon where none runs. */
  connect(options?: { readonly startOnDemand: boolean }): Promise<DaemonClient>;
  /** Ends the connection, if there is one. */
  close(): void;
}

export function createContext(terminal: Terminal, commands: readonly TableRow[], json: boolean): Context {
  const environment = readEnvironment();
  const home = homeOf(environment);
  let client: Promise<DaemonClient> | null = null;
  return {
    terminal,
    environment,
    home,
    clock: systemClock,
    json,
    commands,
    tell: (sentence) => {
      for (const line of wrapWords(sentence, terminal.columns, 2)) terminal.print(line);
    },
    warn: (sentence) => {
      for (const line of wrapWords(sentence, terminal.complaintColumns, 2)) terminal.complain(line);
    },
    hint: (words, command) => {
      for (const line of hintLines(words, command ?? null, terminal.complaintColumns)) terminal.complain(line);
    },
    printJson: (value) => {
      terminal.print(JSON.stringify(value));
    },
    connect: ({ startOnDemand } = { startOnDemand: true }) => {
      client ??= connectToDaemon({
        home,
        clock: systemClock,
        // The global loads node's crypto only when a write needs it.
        newIdempotencyKey: () => crypto.randomUUID(),
        clientName: 'sikkerkey',
        clientVersion: frontEndVersion,
        startOnDemand: startOnDemand ? daemonProgram : null,
        onStarting: () => {
          terminal.complain('# starting the daemon');
        },
      });
      return client;
    },
    close: () => {
      void client?.then(
        (opened) => {
          opened.close();
        },
        // Why connecting failed was told to the command already.
        () => undefined,
      );
    },
  };
}
