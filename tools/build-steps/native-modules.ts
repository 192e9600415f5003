/** Native code that bundles load: copied beside them with every platform's binary, so that one build runs on all. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../source-files.ts';

const parts = ['package.json', 'LICENSE', 'lib', 'prebuilds'];

/** Throws when a binary that was to be copied is not there: a package that cannot start must not be built. */
export function copyNativeModules(directory: string): void {
  const from = join(repositoryRoot, 'node_modules', 'better-sqlite3');
  const to = join(directory, 'node_modules', 'better-sqlite3');
  mkdirSync(to, { recursive: true });
  for (const part of parts) cpSync(join(from, part), join(to, part), { recursive: true });
  const binary = join(to, 'prebuilds', `${process.platform}-${process.arch}.node`);
  if (!existsSync(binary) || statSync(binary).size === 0) throw new Error('better-sqlite3 carries no binary for this platform');
}

/**
 * The commands: one launcher under each program's name. The build says for itself that its files are CommonJS, since
 * Node would ask the package.json of whatever directory it lies in.
 */
export function writeLaunchers(directory: string, names: readonly string[]): void {
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ type: 'commonjs', private: true })}\n`);
  for (const name of names) {
    cpSync(join(repositoryRoot, 'tools', 'launchers', 'launch.cjs'), join(bin, name));
    chmodSync(join(bin, name), 0o755);
  }
}

/** Every file of a directory with its size, for the list that a build prints. */
export function listSizes(directory: string): readonly { readonly name: string; readonly bytes: number }[] {
  return readdirSync(directory)
    .filter((name) => statSync(join(directory, name)).isFile())
    .map((name) => ({ name, bytes: statSync(join(directory, name)).size }));
}
