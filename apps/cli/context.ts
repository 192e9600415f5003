/** What every command is given: the terminal, the places on disk, time, and the way to the daemon, opened when asked for. */
import { connectToDaemon } from '@sikkerkey/connect-to-daemon/connect.ts';
import { type Environment, readEnvironment } from '@sikkerkey/host/environment.ts';
import { type Home, homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import type { DaemonClient } from '@sikkerkey/ui-shared/client/daemon-client.ts';
import { frontEndVersion } from '@sikkerkey/ui-shared/version.ts';
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
