/** Turns what SQLite says about a disk that is full or fails into the catalogue's words. Leaves every other error as it is. */
import { UnsafePath } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

/**
 * `vault-disk-full` for SQLITE_FULL, and for SQLITE_IOERR_SHMSIZE, which a full disk gives first when the store is opened;
 * `vault-store-failed` where the system refused to read, write or open (a quota, a
 * file-size limit, a disk that became read-only): SQLITE_IOERR…, SQLITE_READONLY…, SQLITE_CANTOPEN….
 */
export function asStoreFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') return new CatalogueError('vault-disk-full', {}, { cause: error });
  if (!/^SQLITE_(IOERR|READONLY|CANTOPEN)/.test(code)) return error;
  return new CatalogueError('vault-store-failed', { storeCode: code }, { cause: error });
}

/** The same for what the system says of a file of the store; UnsafePath where no file stands there. */
export function asStoreFileFailure(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  if (code === 'ELOOP') return new UnsafePath(path, 'symbolic link');
  if (code === 'EISDIR') return new UnsafePath(path, 'not a regular file');
  if (code === 'ENOSPC') return new CatalogueError('vault-disk-full', {}, { cause: error });
  return new CatalogueError('vault-store-failed', { storeCode: code }, { cause: error });
}
