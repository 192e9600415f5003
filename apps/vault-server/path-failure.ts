/** What the system says of a file or directory that a person named, in the catalogue's words. */
import { UnsafePath } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there, or its directory is not',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'the system denies access to it',
  EPERM: 'the system denies access to it',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'the name is too long',
};

/** UnsafePath or `vault-path-unusable`; what is no error of the system stays as it is. */
export function asPathFailure(path: string, error: unknown): unknown {
  if (error instanceof UnsafePath || !(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  if (code === 'ELOOP') return new UnsafePath(path, 'symbolic link');
  if (code === 'EISDIR') return new UnsafePath(path, 'not a regular file');
  // `mkdir` on what is there already, and is no directory.
  if (code === 'EEXIST') return new UnsafePath(path, 'not a directory');
  const reason = Object.hasOwn(reasons, code) ? `${reasons[code]} (${code})` : code;
  return new CatalogueError('vault-path-unusable', { path, reason }, { cause: error });
}
