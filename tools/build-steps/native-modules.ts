/** Native code that bundles load: copied beside them with every platform's binary, so that one build runs on all. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { repositoryRoot } from '../source-files.ts';

interface NativeModule {
  readonly name: string;
  readonly parts: readonly string[];
  /** The binary of the platform that builds, inside of the package. */
  readonly binary: string;
}

const platform = `${process.platform}-${process.arch}`;
const modules: readonly NativeModule[] = [
  { name: 'better-sqlite3', parts: ['package.json', 'LICENSE', 'lib', 'prebuilds'], binary: `prebuilds/${platform}.node` },
  {
    name: 'sodium-native',
    parts: [
      'package.json',
      'LICENSE',
      ...['linux', 'darwin', 'win32'].flatMap((system) => ['x64', 'arm64'].map((cpu) => sodiumBinary(`${system}-${cpu}`))),
    ],
    binary: sodiumBinary(platform),
  },
];

function sodiumBinary(of: string): string {
  return `prebuilds/${of}/sodium-native.node`;
}

/** Throws when a binary that was to be copied is not there: a package that cannot start must not be built. */
export function copyNativeModules(directory: string): void {
  for (const { name, parts, binary } of modules) {
    const to = join(directory, 'node_modules', name);
    for (const part of parts) cpSync(join(repositoryRoot, 'node_modules', name, part), join(to, part), { recursive: true });
    const copied = join(to, binary);
    if (!existsSync(copied) || statSync(copied).size === 0) throw new Error(`${name} carries no binary for this platform`);
  }
}

/** The package searches a dozen places for its binary, with a dozen packages; beside a bundle there is only one. */
export const sodiumBesideBundle: Plugin = {
  name: 'sodium-beside-bundle',
  setup({ onLoad }) {
    onLoad({ filter: /sodium-native[\\/]binding\.js$/ }, () => ({
      contents:
        "module.exports=require(__dirname+'/node_modules/sodium-native/prebuilds/'+process.platform+'-'+process.arch+'/sodium-native.node');",
    }));
  },
};

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
