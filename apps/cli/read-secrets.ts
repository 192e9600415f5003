/** Opens the SDK for one command and puts its failures into the catalogue's words. Loaded by the commands that read only. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type ErrorCode, errorCatalogue, isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import { ApiError, ConfigurationError, FieldNotFoundError, SecretStructureError, SikkerKey } from '@sikkerkey/sdk/index.ts';
import type { Context } from './context.ts';

/**
 * Throws CatalogueError in place of the SDK's classes; `subject` names what was asked for. `heldForMs`: how long a value that
 * is printed may be in use; null: until the drain deadline of its secret.
 */
export async function withSdk<T>(
  context: Context,
  subject: string,
  read: (sikkerkey: SikkerKey) => Promise<T>,
  heldForMs: number | null = null,
): Promise<T> {
  let sikkerkey: SikkerKey | null = null;
  try {
    sikkerkey = new SikkerKey(context.environment.vault, { commandLine: { heldForMs } });
    return await read(sikkerkey);
  } catch (error) {
    throw inCatalogueWords(error, subject, sikkerkey === null ? {} : { permission: 'read', machineId: sikkerkey.machineId });
  } finally {
    await sikkerkey?.close();
  }
}

/** `grant`: what a remedy names besides the secret. */
function inCatalogueWords(error: unknown, subject: string, grant: Readonly<Record<string, string>>): unknown {
  if (error instanceof FieldNotFoundError || error instanceof SecretStructureError) {
    return new CatalogueError('secret-field-missing', { subject }, { cause: error });
  }
  if (error instanceof ConfigurationError) return new CatalogueError('not-enrolled', { reason: error.message }, { cause: error });
  if (!(error instanceof ApiError)) return error;
  if (error.code !== null && wantsNoDetails(error.code)) return new CatalogueError(error.code, grant, { cause: error });
  switch (error.httpStatus) {
    case 401:
    case 403:
      return new CatalogueError('vault-read-denied', { subject, status: error.httpStatus }, { cause: error });
    case 404:
      return new CatalogueError('secret-unknown', { subject }, { cause: error });
    default:
      return new CatalogueError('vault-read-failed', { reason: readFailure(error.httpStatus) }, { cause: error });
  }
}

/** The vault's answer names a code but no facts: only a code whose words need none says more than the status does. */
function wantsNoDetails(code: string): code is ErrorCode {
  return isErrorCode(code) && errorCatalogue[code].details.length === 0;
}

function readFailure(httpStatus: number): string {
  if (httpStatus === 0) return 'the vault did not answer';
  return httpStatus === 503 ? 'the vault is sealed or not ready (status 503)' : `the vault answered with status ${httpStatus}`;
}
