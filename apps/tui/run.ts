/** Runs the console from source: what contains JSX is bundled into `.cache/` by esbuild's own program and started from there. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { runInForeground } from '@sikkerkey/host/foreground-program.ts';
import { setExitCode } from '@sikkerkey/host/process-end.ts';

const here = import.meta.dirname;
const root = join(here, '..', '..');
const cache = join(root, '.cache');
/** One for each run: two consoles may start at the same moment. */
const bundle = join(cache, `tui-${process.pid}.mjs`);
const esbuild = join(root, 'node_modules', 'esbuild', 'bin', 'esbuild');
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

await mkdir(cache, { recursive: true });
const built = await runInForeground(
  process.execPath,
  [
    esbuild,
    join(here, 'main.tsx'),
    `--outfile=${bundle}`,
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--target=node24',
    '--jsx=automatic',
    '--log-level=error',
    '--define:process.env.NODE_ENV="production"',
    // Ink loads the developer tools only for a debugger; their package is not installed.
    '--external:*/devtools.js',
    `--banner:js=${banner}`,
  ],
  {},
);
try {
  const { home, noColor } = readEnvironment();
  const environment = { ...(home === undefined ? {} : { SIKKERKEY_HOME: home }), ...(noColor ? { NO_COLOR: '1' } : {}) };
  setExitCode(built === 0 ? await runInForeground(process.execPath, [bundle, ...process.argv.slice(2)], environment) : built);
} finally {
  await rm(bundle, { force: true });
}
