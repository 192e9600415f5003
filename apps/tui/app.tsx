/** The console: joins the mirror, the clock, the size and the keys into lines. Deciding what they say is screen-lines'. */

import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import { useLink } from '@sikkerkey/ui-shared/hooks/use-link.ts';
import { useNow } from '@sikkerkey/ui-shared/hooks/use-now.ts';
import type { DaemonFollower } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { overviewOf } from '@sikkerkey/ui-shared/state/overview.ts';
import { Box, useApp, useInput } from 'ink';
import { useEffect, useMemo, useReducer, useRef } from 'react';
import { runCommand } from './commands.ts';
import { initialState, keyContextOf, reduceConsole } from './console-state.ts';
import type { Line } from './frame/cells.ts';
import { LineView } from './frame/line-view.tsx';
import { type TerminalSize, useTerminalSize } from './frame/use-terminal-size.ts';
import { keyNames } from './keys/key-name.ts';
import { commandFor } from './keys/keymap.ts';
import { screenLines } from './screens/agents/screen-lines.ts';
import type { Theme } from './theme.ts';

export interface AppProps {
  readonly follower: DaemonFollower;
  readonly clock: Timekeeper;
  readonly theme: Theme;
  readonly size: TerminalSize;
  /** Empties the screen, so that the next frame is drawn whole. */
  readonly wipe: () => void;
  /** Gives the terminal back, stops the process, and takes it again when it is continued. */
  readonly suspend: (release: () => Promise<{ resume: () => Promise<void> }>) => void;
  /** Told when another program stops us; returns what removes the listener. */
  readonly onStopRequest: (listener: () => void) => () => void;
}

/** Ages are whole seconds. */
const tickMs = 1000;

export function App({ follower, clock, theme, size, wipe, suspend, onStopRequest }: AppProps) {
  const link = useLink(follower);
  const now = useNow(clock, tickMs);
  const { columns, rows } = useTerminalSize(size, clock, wipe);
  const [state, dispatch] = useReducer(reduceConsole, initialState);
  const listFrom = useRef(0);
  const { exit, suspendTerminal } = useApp();
  // Judging ten thousand agents costs; moving the selection does not change the judgement.
  const overview = useMemo(() => overviewOf(link, now), [link, now]);
  const screen = screenLines({ overview, state, now, columns, rows, theme, listFrom: listFrom.current });
  listFrom.current = screen.listFrom;

  useEffect(() => onStopRequest(() => suspend(() => suspendTerminal())), [onStopRequest, suspend, suspendTerminal]);
  const perform = (name: string): void => {
    const command = commandFor(keyContextOf(state), name);
    if (command === null) return;
    runCommand(command, {
      state,
      rows: overview.rows,
      pageSize: screen.pageSize,
      lastScroll: screen.lastScroll,
      isPlanRead: screen.isPlanRead,
      client: follower.client(),
      dispatch,
      quit: () => {
        exit();
      },
      suspend: () => {
        suspend(() => suspendTerminal());
      },
    });
  };
  useInput((input, key) => {
    for (const name of keyNames(input, key)) perform(name);
  });

  return (
    <Box flexDirection="column" width={columns} height={screen.lines.length}>
      {screen.lines.map((line, row) => lineView(line, `row-${row}`, theme))}
    </Box>
  );
}

/** A line of the screen is its place. */
function lineView(line: Line, key: string, theme: Theme) {
  return <LineView key={key} line={line} theme={theme} />;
}
