/**
 * The daemon's socket, private from its birth (local-api.md, recipe 1–5): a directory of ours that nobody else enters, a
 * path short enough to be bound whole, a leftover removed only when it is certainly ours and certainly dead, and the
 * mask set around a bind that happens in the same tick.
 */
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ensurePrivateDirectory, UnsafePath } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

/** Bytes of the path; below the limits of every system (macOS 103, Linux 107). */
export const maxSocketPathBytes = 95;

/**
 * Listens at `path`. The caller holds the instance lock. Throws CatalogueError `socket-path-too-long`,
 * `socket-directory-not-private` or `socket-path-taken`; nothing that we did not make is repaired or removed.
 */
export async function listenPrivately(directory: string, path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  checkPathLength(path);
  await checkedDirectory(directory);
  await removeStaleSocket(path);
  const server = createServer(onConnection);
  await bind(server, path);
  return server;
}

/** In bytes, not characters: some systems cut a longer path and listen elsewhere. Throws CatalogueError `socket-path-too-long`. */
export function checkPathLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > maxSocketPathBytes) throw new CatalogueError('socket-path-too-long', { length, limit: maxSocketPathBytes });
}

async function checkedDirectory(directory: string): Promise<void> {
  try {
    await ensurePrivateDirectory(directory);
  } catch (cause) {
    throw cause instanceof UnsafePath ? notPrivate(cause) : cause;
  }
}

function notPrivate(cause: UnsafePath): CatalogueError<'socket-directory-not-private'> {
  return new CatalogueError('socket-directory-not-private', { why: cause.why }, { cause });
}

/** Connected → another daemon lives. Refused → a leftover of ours, removed. Anything else → refused. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (found === null) return;
  if (found.isSymbolicLink()) throw new CatalogueError('socket-path-taken', { what: 'a symbolic link' });
  if (!found.isSocket()) throw new CatalogueError('socket-path-taken', { what: 'something that is no socket' });
  if (process.getuid !== undefined && found.uid !== process.getuid()) {
    throw new CatalogueError('socket-path-taken', { what: 'a socket of another user' });
  }
  const answer = await dial(path);
  if (answer !== 'ECONNREFUSED') throw new CatalogueError('socket-path-taken', { what: 'a socket that answers' });
  await unlink(path);
}

function dial(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error) => resolve('code' in error ? String(error.code) : 'unknown'));
  });
}

/** `listen` binds a path synchronously, so the file is born with mode 0600. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    server.once('error', onError);
    const previous = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', onError);
        resolve();
      });
    } finally {
      process.umask(previous);
    }
  });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
