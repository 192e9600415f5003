/**
 * Starts a real, throw-away PostgreSQL on 127.0.0.1 for tests, benches and the demo, as root or as an ordinary user.
 * It promises: a private data directory, a random superuser password, and nothing left behind, even after SIGKILL.
 */
import { chmod, chown, copyFile, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { availablePostgresqlVersions, findPostgresql, type PostgresqlMajor } from './binaries.ts';
import { makeCertificates } from './certificates.ts';
import { runGuarded, type ServerUser, serverUser } from './guard.ts';
import { endServer, launch, type Place } from './launch.ts';

export { availablePostgresqlVersions, type PostgresqlMajor, postgresqlMajors } from './binaries.ts';

export interface LocalPostgresqlOptions {
  /** Default: the newest that the machine has. */
  readonly major?: PostgresqlMajor;
  /** Server settings (`postgres -c name=value`); they win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf before the usual ones; the first match wins. */
  readonly hba?: readonly string[];
  readonly tls?: boolean;
  /**
   * Kept after stop and used again when it holds a cluster; the log and the password stand in `<dataDirectory>.server`.
   * Default: a temporary one that disappears.
   */
  readonly dataDirectory?: string;
  readonly port?: number;
}

export interface LocalPostgresql {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: 'postgres';
  readonly password: SecretText;
  readonly database: 'postgres';
  readonly majorVersion: PostgresqlMajor;
  readonly dataDirectory: string;
  readonly pid: number;
  readonly logFile: string;
  /** Of the authority that signed the server's certificate; null without TLS. */
  readonly caFile: string | null;
  /** Fast shutdown; resolves when every process is gone, and the directory unless it was the caller's. */
  stop(): Promise<void>;
  /** Kills the server as a power cut would. */
  crash(): Promise<void>;
}

/** Starts one server and waits until it accepts connections. Throws with the tail of the server's log when it does not. */
export async function startPostgresql(options: LocalPostgresqlOptions = {}): Promise<LocalPostgresql> {
  const major = options.major ?? (await availablePostgresqlVersions()).at(-1);
  if (major === undefined) throw new Error('no PostgreSQL on this machine');
  const { binDirectory } = await findPostgresql(major);
  const user = await serverUser();
  const place = await makePlace(options.dataDirectory, user);
  try {
    const password = await initialise(place, binDirectory, user, options);
    const certificates = options.tls === true ? await installCertificates(place, user) : null;
    const { port, running } = await launch(place, binDirectory, user, options);
    return {
      host: '127.0.0.1',
      port,
      superuser: 'postgres',
      password,
      database: 'postgres',
      majorVersion: major,
      dataDirectory: place.data,
      pid: running.pid,
      logFile: join(place.base, 'server.log'),
      caFile: certificates,
      stop: () => endServer(running, place, 'SIGINT'),
      crash: () => endServer(running, place, 'SIGKILL'),
    };
  } catch (error) {
    if (place.temporary) await rm(place.base, { recursive: true, force: true, maxRetries: 10 });
    throw error;
  }
}

async function makePlace(dataDirectory: string | undefined, user: ServerUser | null): Promise<Place> {
  const base = dataDirectory === undefined ? await mkdtemp(join(tmpdir(), 'sk-pg-')) : `${dataDirectory}.server`;
  const data = dataDirectory ?? join(base, 'data');
  await mkdir(base, { recursive: true, mode: 0o700 });
  await mkdir(join(base, 's'), { recursive: true, mode: 0o700 });
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (user !== null) {
    for (const path of [base, join(base, 's'), data]) await chown(path, user.uid, user.gid);
    // The server's user must reach the directory; execute permission lets it pass without listing anything.
    if (dataDirectory !== undefined) await chmod(dirname(data), ((await stat(dirname(data))).mode & 0o777) | 0o011);
  }
  return { base, data, temporary: dataDirectory === undefined };
}

async function initialise(
  place: Place,
  binDirectory: string,
  user: ServerUser | null,
  options: LocalPostgresqlOptions,
): Promise<SecretText> {
  const passwordFile = join(place.base, 'superuser-password');
  const isNew = await stat(join(place.data, 'PG_VERSION')).then(
    () => false,
    () => true,
  );
  if (isNew) {
    await writeFile(passwordFile, Buffer.from(systemRandom.bytes(18)).toString('base64url'), { mode: 0o600 });
    if (user !== null) await chown(passwordFile, user.uid, user.gid);
    const how = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync', '--locale=C', '--encoding=UTF8'];
    await makeCluster(place, user, [join(binDirectory, 'initdb'), '-D', place.data, ...how]);
  }
  if (options.hba !== undefined) {
    const usual = ['local all all scram-sha-256', 'host all all 127.0.0.1/32 scram-sha-256', 'host all all ::1/128 scram-sha-256'];
    await writeFile(join(place.data, 'pg_hba.conf'), `${[...options.hba, ...usual].join('\n')}\n`);
  }
  return new SecretText(await readFile(passwordFile, 'utf8'));
}

async function makeCluster(place: Place, user: ServerUser | null, initdb: readonly string[]): Promise<void> {
  const logFile = join(place.base, 'initdb.log');
  const log = await open(logFile, 'a', 0o600);
  try {
    const removeWhenOrphaned = place.temporary ? place.base : null;
    await runGuarded(user, { cwd: place.base, removeWhenOrphaned, logDescriptor: log.fd }, initdb);
  } catch (error) {
    const tail = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-4).join(' | ');
    throw new Error(`PostgreSQL made no cluster: ${tail}`, { cause: error });
  } finally {
    await log.close();
  }
}

async function installCertificates(place: Place, user: ServerUser | null): Promise<string> {
  const made = await makeCertificates(place.base);
  for (const [from, to] of [
    [made.certificateFile, 'server.crt'],
    [made.keyFile, 'server.key'],
  ] as const) {
    const target = join(place.data, to);
    await copyFile(from, target);
    await chmod(target, 0o600);
    if (user !== null) await chown(target, user.uid, user.gid);
  }
  return made.caFile;
}
