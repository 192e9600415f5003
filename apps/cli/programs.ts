/**
 * Where the other programs of the installation are. From source they are the entry files of their workspaces; shipped,
 * they are bundles beside this one (`dist/`).
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** Throws `program-missing`. */
export function daemonProgram(): Program {
  return programAt(['sikkerkeyd.mjs', 'sikkerkeyd.cjs', 'sikkerkeyd.js'], 'daemon/main.ts');
}

/** Throws `program-missing`. */
export function terminalConsoleProgram(): Program {
  return programAt(['tui.mjs', 'sikkerkey-tui.mjs'], 'apps/tui/run.ts');
}

function programAt(bundleNames: readonly string[], sourcePath: string): Program {
  const own = realpathSync(process.argv[1] ?? '');
  const directory = dirname(own);
  const candidates = own.endsWith('.ts')
    ? [join(directory, '..', '..', sourcePath)]
    : [directory, join(directory, '..')].flatMap((place) => bundleNames.map((name) => join(place, name)));
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) throw new CatalogueError('program-missing', { path: candidates[0] ?? sourcePath });
  return { file: process.execPath, args: [found] };
}
