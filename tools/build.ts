/**
 * `npm run build`: the shipped programs.
 *
 *   dist/bin/           sikkerkey, sikkerkeyd, sikkerkey-vault: launchers that check the Node version first
 *   dist/               one bundle for each program, and the console
 *   dist/node_modules/  native code, for every platform
 *   dist/sdk/           the library for applications, with its types
 */
import { join } from 'node:path';
import { setExitCode } from '@sikkerkey/host/process-end.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { buildAll } from './build-steps/build-all.ts';
import { listSizes } from './build-steps/native-modules.ts';
import { repositoryRoot } from './source-files.ts';
import { formatDuration, writeLine } from './terminal.ts';

const directory = join(repositoryRoot, 'dist');
const started = systemClock.monotonic();
try {
  await buildAll(directory);
  for (const part of ['', 'sdk']) {
    for (const { name, bytes } of listSizes(join(directory, part)))
      writeLine(`${join('dist', part, name).padEnd(32)} ${(bytes / 1024).toFixed(0).padStart(7)} KiB`);
  }
  writeLine(`built in ${formatDuration(systemClock.monotonic() - started)}`);
} catch (error) {
  writeLine(`error: ${error instanceof Error ? error.message : 'the build failed'}`);
  setExitCode(1);
}
