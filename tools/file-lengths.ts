/** A file above 300 lines wants a reason, one above 500 a split; a composition root only constructs and connects. */
import { isTestFile, type SourceFile } from './source-files.ts';

const longest = 300;
const longestEver = 500;
const longestRoot = 150;

/** Files above 300 lines → why they are one idea all the same. */
export const reasons: Readonly<Record<string, string>> = {
  'protocol/errors/daemon.ts': 'a table: one entry for each code',
  'protocol/errors/vault.ts': 'a table: one entry for each code',
  'protocol/vault/machine.ts': 'a table: one entry for each route',
};

const isRoot = (path: string): boolean => /(^|\/)(main|compose)\.ts$/.test(path);

export function checkFileLengths(files: readonly SourceFile[], allowed: Readonly<Record<string, string>> = reasons): string[] {
  const tooLong = files.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1;
    if (lines > longestEver) return [`${path}: ${lines} lines; above ${longestEver} a file is split`];
    if (isRoot(path) && lines > longestRoot) return [`${path}: ${lines} lines; a composition root has at most ${longestRoot}`];
    // A test file is a list of cases.
    return lines > longest && !isTestFile(path) && allowed[path] === undefined
      ? [`${path}: ${lines} lines; above ${longest} it needs a reason in file-lengths.ts`]
      : [];
  });
  const stale = Object.keys(allowed)
    .filter((path) => (files.find((file) => file.path === path)?.text.split('\n').length ?? 0) - 1 <= longest)
    .map((path) => `file-lengths.ts: ${path} needs no reason any more`);
  return [...tooLong, ...stale];
}
