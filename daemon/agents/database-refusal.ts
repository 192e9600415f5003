/** Names the database that no session could be had with, so that the remedy is the command that mends the connection. */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { DatabaseTarget } from './database-target.ts';

/** Runs `work` on that database. Throws what it throws, and CatalogueError where the connection itself is at fault. */
export async function namingDatabase<T>(target: DatabaseTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof EngineFailure ? (connectionFault(error, target) ?? error) : error;
  }
}

function connectionFault(
  failure: EngineFailure,
  { secretId, host, port, database, adminUser, tls }: DatabaseTarget,
): CatalogueError | null {
  const facts = { secretId, host, port, database, adminUser, tls, reason: failure.code };
  switch (failure.code) {
    case 'tls-not-supported':
    case 'tls-certificate-untrusted':
    case 'tls-name-mismatch':
    case 'tls-failed':
      return new CatalogueError(failure.code, facts, { cause: failure });
    case '3D000':
      return new CatalogueError('database-missing', facts, { cause: failure });
    case '28P01':
    case '28000':
      return new CatalogueError('administrator-refused', facts, { cause: failure });
    default:
      return isNetworkFault(failure.code) ? new CatalogueError('database-unreachable', facts, { cause: failure }) : null;
  }
}

/** Node's codes of name look-up and sockets, and the driver's own time limit. */
function isNetworkFault(code: string): boolean {
  return /^E[A-Z_]{3,}$/.test(code) || code === 'connect-timeout';
}
