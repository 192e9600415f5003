/**
 * The one writer of private files: 0600 in directories of 0700, by a temporary file in the same directory, fsync,
 * rename, fsync of the directory. Refuses to replace what is not a regular file of ours, and never follows a link.
 */
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemRandom } from './system-random.ts';

/** The path is taken by something that must not be replaced or trusted. */
export class UnsafePath extends Error {
  readonly path: string;
  readonly why: 'symbolic link' | 'not a regular file' | 'not a directory' | 'owned by another user' | 'accessible to others';

  constructor(path: string, why: UnsafePath['why']) {
    super(`unsafe path: ${why}`);
    this.name = 'UnsafePath';
    this.path = path;
    this.why = why;
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Creates a directory (0700) with its parents, or checks that the existing one is ours and closed to others. */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (found.isSymbolicLink()) throw new UnsafePath(path, 'symbolic link');
  if (!found.isDirectory()) throw new UnsafePath(path, 'not a directory');
  if (process.getuid !== undefined && found.uid !== process.getuid()) throw new UnsafePath(path, 'owned by another user');
  if ((found.mode & 0o077) !== 0) throw new UnsafePath(path, 'accessible to others');
}

/** Writes the whole file atomically and durably. Throws UnsafePath, or the system's error (ENOSPC and so on); the old content then stays. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  await refuseUnsafeTarget(path);
  const directory = dirname(path);
  const suffix = Buffer.from(systemRandom.bytes(6)).toString('hex');
  const temporary = join(directory, `.${basename(path)}.${suffix}`);
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(temporary).catch((unlinkError: unknown) => {
      if (!isMissing(unlinkError)) throw unlinkError;
    });
    throw error;
  }
  await syncDirectory(directory);
}

/** Reads a private file; refuses one that others may read or that another user owns. Throws ENOENT when it is not there. */
export async function readPrivateFile(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new UnsafePath(path, 'not a regular file');
    if (process.getuid !== undefined && found.uid !== process.getuid()) throw new UnsafePath(path, 'owned by another user');
    if ((found.mode & 0o077) !== 0) throw new UnsafePath(path, 'accessible to others');
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Closes a file to others that was made with a wider mode (a published client's identity, say). */
export async function closeToOthers(path: string): Promise<void> {
  await chmod(path, 0o600);
}

async function refuseUnsafeTarget(path: string): Promise<void> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) throw new UnsafePath(path, 'symbolic link');
    if (!found.isFile()) throw new UnsafePath(path, 'not a regular file');
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
