/**
 * The shipped programs as single files. CommonJS, since Node starts it fastest and can keep its compiled form; native
 * code stays outside (see native-modules.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { separateCode } from '../code-text.ts';
import { repositoryRoot } from '../source-files.ts';
import { sodiumBesideBundle } from './native-modules.ts';

export interface Program {
  /** Of the command, and of its bundle in `dist`. */
  readonly name: string;
  readonly entry: string;
  readonly format: 'cjs' | 'esm';
}

export const programs: readonly Program[] = [
  { name: 'sikkerkey', entry: 'apps/cli/main.ts', format: 'cjs' },
  { name: 'sikkerkeyd', entry: 'daemon/main.ts', format: 'cjs' },
  { name: 'sikkerkey-vault', entry: 'apps/vault-server/main.ts', format: 'cjs' },
  { name: 'sikkerkey-tui', entry: 'apps/tui/main.tsx', format: 'esm' },
];

/** What `import.meta` says in a module, for code that became CommonJS. */
const commonJsMeta = {
  define: { 'import.meta.url': 'importMetaUrl', 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  banner: { js: "'use strict';const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
};

/** CommonJS packages inside of a module call `require` for Node's own modules. */
const moduleRequire = {
  banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
};

/** Ink reaches for a debugger that is no dependency of ours and that nobody runs in a shipped program. */
const withoutDevtools: Plugin = {
  name: 'without-devtools',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: 'react-devtools-core', namespace: 'left-out' }));
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'export default { initialize() {}, connectToDevTools() {} };' }));
  },
};

/**
 * An entry awaits at its top, which CommonJS cannot: what follows its imports becomes the body of an async function. A
 * rejection ends the process there as it does here, as an unhandled one.
 */
function awaitingEntry(entryPath: string): Plugin {
  return {
    name: 'awaiting-entry',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]main\.ts$/ }, ({ path }) => {
        if (path !== entryPath) return null;
        const source = readFileSync(path, 'utf8');
        const imports = [...separateCode(source).code.matchAll(/^import\b[^;]*;/gm)];
        const last = imports.at(-1);
        const bodyAt = last === undefined ? 0 : last.index + last[0].length;
        return { contents: `${source.slice(0, bodyAt)}\n(async () => {${source.slice(bodyAt)}\n})();`, loader: 'ts' };
      });
    },
  };
}

export function bundleOptions(program: Program, directory: string): BuildOptions {
  const entryPath = join(repositoryRoot, program.entry);
  const common: BuildOptions = {
    entryPoints: [entryPath],
    absWorkingDir: repositoryRoot,
    bundle: true,
    minify: true,
    legalComments: 'none',
    platform: 'node',
    target: 'node24',
    charset: 'utf8',
    logLevel: 'silent',
    external: ['better-sqlite3', 'pg-native'],
    plugins: [withoutDevtools],
    define: { 'process.env.NODE_ENV': '"production"' },
    outfile: join(directory, `${program.name}.${program.format === 'cjs' ? 'cjs' : 'mjs'}`),
  };
  return program.format === 'cjs'
    ? {
        ...common,
        format: 'cjs',
        plugins: [awaitingEntry(entryPath), sodiumBesideBundle],
        define: { ...common.define, ...commonJsMeta.define },
        banner: commonJsMeta.banner,
      }
    : { ...common, format: 'esm', banner: moduleRequire.banner };
}

/** Throws esbuild's own failure, whose message names the file and the line. */
export async function bundleProgram(program: Program, directory: string): Promise<void> {
  await build(bundleOptions(program, directory));
}
