/** The files of this repository that people write: found by walking, so that a copy without git is checked as well. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)));

export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const leftOut = new Set(['node_modules', 'dist', '.git', '.cache', 'coverage']);
const sourceEnding = /\.(ts|tsx|mts|mjs|cjs|js)$/;

export function listFiles(root: string = repositoryRoot): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => !leftOut.has(entry.name))
    .flatMap((entry) => {
      const path = join(root, entry.name);
      if (entry.isDirectory()) return listFiles(path);
      return entry.isFile() ? [path] : [];
    });
}

export function readSourceFiles(root: string = repositoryRoot): SourceFile[] {
  return listFiles(root)
    .filter((path) => sourceEnding.test(path))
    .map((path) => ({ path: relative(root, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Tests, and the suites and fakes that only tests use: the rules for the product's folders do not bind them. */
export function isTestFile(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || /(^|\/)contract\//.test(path) || path.startsWith('test/');
}
