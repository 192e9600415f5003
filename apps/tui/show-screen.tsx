/** The screen from entering it to giving the terminal back: alternate screen, changed cells only, at most 15 frames a second. */

import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import type { DaemonFollower } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { render } from 'ink';
import { App } from './app.tsx';
import { describeFault } from './fault-words.ts';
import { RenderGuard } from './render-guard.tsx';
import { onStopRequest, restoreOnEnd, suspendUntilContinued, terminalSize } from './terminal.ts';
import type { Theme } from './theme.ts';

const maxFps = 15;

export interface ScreenSession {
  readonly follower: DaemonFollower;
  readonly clock: Timekeeper;
  readonly theme: Theme;
}

/** Resolves when the console was left; throws what broke it. */
export async function showScreen({ follower, clock, theme }: ScreenSession): Promise<void> {
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => {
    faults.push(error);
    instance.unmount();
  };
  const suspend = (release: () => Promise<{ resume: () => Promise<void> }>): void => {
    suspendUntilContinued(release, clock).catch(onFault);
  };
  const instance = render(
    <RenderGuard onFault={onFault}>
      <App follower={follower} clock={clock} theme={theme} size={terminalSize} suspend={suspend} onStopRequest={onStopRequest} />
    </RenderGuard>,
    { alternateScreen: true, incrementalRendering: true, maxFps, exitOnCtrlC: false, patchConsole: false },
  );
  restoreOnEnd(() => {
    instance.unmount();
  }, describeFault);
  try {
    await instance.waitUntilExit();
  } finally {
    follower.stop();
  }
  if (faults.length > 0) throw faults[0];
}
