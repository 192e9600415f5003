/** What a file of tests about the CLI plays on: the built program, and for each test a home of its own with a fake daemon. */
import type { FakeDaemon } from '@sikkerkey/test/support/fake-daemon.ts';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type BuiltCli, buildCli, type Ended, makeHome, type RunOptions, removeHome, startFakeDaemon } from './programs.ts';

export interface Stage {
  /** The home of the test that runs now. */
  readonly home: string;
  readonly daemon: FakeDaemon;
  /** The file that Node runs. */
  readonly program: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
}

/** To be called once, at the top of a file of tests. */
export function setStage(): Stage {
  let cli: BuiltCli;
  let home: string;
  let daemon: FakeDaemon;
  beforeAll(async () => {
    cli = await buildCli();
  });
  afterAll(async () => {
    await cli.remove();
  });
  beforeEach(async () => {
    home = await makeHome();
    daemon = await startFakeDaemon(home);
  });
  afterEach(async () => {
    await daemon.stop();
    await removeHome(home);
  });
  return {
    get home() {
      return home;
    },
    get daemon() {
      return daemon;
    },
    get program() {
      return cli.program;
    },
    run: (args, options) => cli.run(home, args, options),
  };
}
