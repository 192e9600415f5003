/**
 * The library for applications as a package that needs nothing of this repository: one module, and its types with
 * every import made relative.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { localProgram, run } from '../run.ts';
import { listFiles, repositoryRoot } from '../source-files.ts';

const ownPackage = /(['"])@sikkerkey\/([a-z-]+)\/([^'"]+)\.ts\1/g;
const relativeTypeScript = /(['"])(\.{1,2}\/[^'"]+)\.tsx?\1/g;

export async function buildSdk(directory: string): Promise<void> {
  const target = join(directory, 'sdk');
  mkdirSync(target, { recursive: true });
  await build({
    entryPoints: [join(repositoryRoot, 'sdk/index.ts')],
    absWorkingDir: repositoryRoot,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    charset: 'utf8',
    logLevel: 'silent',
    external: ['pg'],
    outfile: join(target, 'index.js'),
  });
  await writeTypes(join(target, 'types'));
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/** Throws with the compiler's words when the types cannot be written. */
async function writeTypes(directory: string): Promise<void> {
  const settings = join(dirname(directory), 'tsconfig.json');
  // By path and not by package: what comes out of node_modules is taken for somebody else's, and left without types.
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: repositoryRoot,
    outDir: directory,
    paths: { '@sikkerkey/*': [`${repositoryRoot}/*`] },
    typeRoots: [join(repositoryRoot, 'node_modules', '@types')],
  };
  writeFileSync(
    settings,
    JSON.stringify({
      extends: join(repositoryRoot, 'tsconfig.json'),
      compilerOptions,
      include: [],
      files: [join(repositoryRoot, 'sdk/index.ts')],
    }),
  );
  const ended = await run(localProgram('tsc'), ['-p', settings]);
  rmSync(settings);
  if (ended.code !== 0) throw new Error(`the types of the sdk could not be written:\n${ended.output}`);
  for (const file of listFiles(directory)) {
    const text = readFileSync(file, 'utf8').replaceAll(ownPackage, (_all, quote: string, folder: string, path: string) => {
      const to = relative(dirname(file), join(directory, folder, path)).replaceAll('\\', '/');
      return `${quote}${to.startsWith('.') ? to : `./${to}`}.js${quote}`;
    });
    writeFileSync(file, text.replaceAll(relativeTypeScript, '$1$2.js$1'));
  }
}

function manifest(): Record<string, unknown> {
  const read = (path: string): { version: string; dependencies: Record<string, string> } =>
    JSON.parse(readFileSync(join(repositoryRoot, path), 'utf8'));
  const { version } = read('sdk/package.json');
  return {
    name: '@sikkerkey/sdk',
    version,
    description: 'Secrets of a SikkerKey vault for applications: reads, watches, and database pools that follow a rotation',
    license: 'MIT',
    type: 'module',
    engines: { node: '>=24.15.0' },
    exports: { '.': { types: './types/sdk/index.d.ts', default: './index.js' } },
    // The types of the vault's answers are derived from its schemas.
    dependencies: { zod: read('protocol/package.json').dependencies['zod'] },
    peerDependencies: { pg: '>=8' },
    peerDependenciesMeta: { pg: { optional: true } },
  };
}
