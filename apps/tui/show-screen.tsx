/** The screen from entering it to giving the terminal back: alternate screen, changed cells only, at most 15 frames a second. */

import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import type { DaemonFollower } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { render } from 'ink';
import { App } from './app.tsx';
import { describeFault } from './fault-words.ts';
import { RenderGuard } from './render-guard.tsx';
import { eraseScreen, onStopRequest, restoreOnEnd, suspendUntilContinued, terminalSize } from './terminal.ts';
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
  let isSuspended = false;
  const suspend = (release: () => Promise<{ resume: () => Promise<void> }>): void => {
    isSuspended = true;
    suspendUntilContinued(release, clock)
      .catch(onFault)
      .finally(() => {
        isSuspended = false;
      });
  };
  const wipe = (): void => {
    if (isSuspended) return;
    // Ink forgets the frame that it would draw only the differences to; where its lines are now it cannot know.
    instance.clear();
    eraseScreen();
  };
  const instance = render(
    <RenderGuard onFault={onFault}>
      <App
        follower={follower}
        clock={clock}
        theme={theme}
        size={terminalSize}
        wipe={wipe}
        suspend={suspend}
        onStopRequest={onStopRequest}
      />
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
