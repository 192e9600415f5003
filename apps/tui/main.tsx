/**
 * Entry of the console: `sikkerkey tui`. Decides between the screen, linear text and one printed table: without a
 * terminal, or on one that only prints lines, nothing is ever redrawn.
 */
import { parseArgs } from 'node:util';
import { connectToDaemon } from '@sikkerkey/connect-to-daemon/connect.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { setExitCode } from '@sikkerkey/host/process-end.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { followDaemon } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { frontEndVersion } from '@sikkerkey/ui-shared/version.ts';
import { describeFault, exitCodeOf } from './fault-words.ts';
import { announceChanges } from './plain/announce.ts';
import { printOnce } from './plain/print-once.ts';
import { showScreen } from './show-screen.tsx';
import { complainLine, endWithReader, isInteractive, printLine } from './terminal.ts';
import { createTheme } from './theme.ts';

/** Changes that come close together are drawn together. */
const coalesceMs = 40;

async function main(): Promise<void> {
  endWithReader();
  const { values } = parseArgs({
    options: { ascii: { type: 'boolean' }, 'screen-reader': { type: 'boolean' }, json: { type: 'boolean' } },
    strict: false,
  });
  const environment = readEnvironment();
  const theme = createTheme({ ascii: values['ascii'] === true, noColor: environment.noColor });
  const connect = () =>
    connectToDaemon({
      home: homeOf(environment),
      clock: systemClock,
      newIdempotencyKey: () => crypto.randomUUID(),
      clientName: 'sikkerkey-tui',
      clientVersion: frontEndVersion,
      // A console looks: it does not bring back a daemon that somebody has stopped.
      startOnDemand: null,
    });
  if (values['screen-reader'] === true && !values['json']) {
    await announceChanges(followDaemon({ connect, clock: systemClock, coalesceMs }), systemClock, printLine);
  } else if (!isInteractive() || environment.dumbTerminal || values['json'] === true) {
    const client = await connect();
    await printOnce(client, systemClock, theme, values['json'] === true, printLine);
    client.close();
  } else {
    await showScreen({ follower: followDaemon({ connect, clock: systemClock, coalesceMs }), clock: systemClock, theme });
  }
}

void main().catch((error: unknown) => {
  for (const line of describeFault(error)) complainLine(line);
  setExitCode(exitCodeOf(error));
});
