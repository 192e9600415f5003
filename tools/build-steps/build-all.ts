/** Everything that `npm run build` makes, in any directory. */
import { mkdirSync, rmSync } from 'node:fs';
import { bundleProgram, type Program, programs } from './bundles.ts';
import { copyNativeModules, writeLaunchers } from './native-modules.ts';
import { buildSdk } from './sdk.ts';

/** The programs that a person starts; each has a launcher in `bin`. */
const commands = ['sikkerkey', 'sikkerkeyd', 'sikkerkey-vault'];

/** The directory holds nothing but the build afterwards. Throws when a part cannot be built. */
export async function buildAll(directory: string): Promise<void> {
  await buildPrograms(directory, programs);
  await buildSdk(directory);
}

/** Only the bundles of the commands, with their launchers: what a measurement needs. */
export async function buildCommands(directory: string): Promise<void> {
  await buildPrograms(
    directory,
    programs.filter(({ name }) => commands.includes(name)),
  );
}

async function buildPrograms(directory: string, wanted: readonly Program[]): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // One after the other: a failure must not leave another one writing into a directory that the caller has given up.
  for (const program of wanted) await bundleProgram(program, directory);
  writeLaunchers(directory, commands);
  copyNativeModules(directory);
}
