/** What `npm run check` looks at, each by itself, so that one failure does not hide another. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkFileLengths } from './file-lengths.ts';
import { staleDocs } from './generated-docs.ts';
import { checkImports, type Manifest } from './import-rules.ts';
import { checkNamedFiles } from './named-files.ts';
import { checkOwnedCalls } from './owned-calls.ts';
import { localProgram, run } from './run.ts';
import { readSourceFiles, repositoryRoot } from './source-files.ts';

export interface Check {
  readonly name: string;
  /** What is wrong, ready to print; empty when all is well. */
  run(): Promise<string>;
}

export const checks: readonly Check[] = [
  { name: 'format and lint', run: () => outputOf('biome', ['check', '--error-on-warnings', '--max-diagnostics=100', '.']) },
  { name: 'types', run: () => outputOf('tsc', ['-p', '.']) },
  { name: 'imports', run: async () => checkImports({ files: readSourceFiles(), manifests: readManifests() }).join('\n') },
  { name: 'owners of clock, process and terminal', run: async () => checkOwnedCalls(readSourceFiles()).join('\n') },
  { name: 'file lengths', run: async () => checkFileLengths(readSourceFiles()).join('\n') },
  { name: 'files named in pages', run: async () => checkNamedFiles().join('\n') },
  { name: 'generated pages', run: async () => (await staleDocs()).join('\n') },
];

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const ended = await run(localProgram(program), args);
  return ended.code === 0 ? '' : ended.output.trim() || `${program} ended with ${ended.code}`;
}

function readManifests(): Map<string, Manifest> {
  const rootManifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { workspaces: string[] };
  const folders = rootManifest.workspaces.flatMap((pattern) =>
    pattern.endsWith('/*')
      ? readdirSync(join(repositoryRoot, pattern.slice(0, -2))).map((name) => `${pattern.slice(0, -2)}/${name}`)
      : [pattern],
  );
  return new Map(['', ...folders].map((folder) => [folder, readManifest(folder)]));
}

function readManifest(folder: string): Manifest {
  const parsed = JSON.parse(readFileSync(join(repositoryRoot, folder, 'package.json'), 'utf8')) as {
    name: string;
    dependencies?: Record<string, string>;
    peerDependencies?: Record<string, string>;
  };
  return { name: parsed.name, dependencies: [...Object.keys(parsed.dependencies ?? {}), ...Object.keys(parsed.peerDependencies ?? {})] };
}
