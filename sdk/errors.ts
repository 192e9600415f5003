/**
 * What the SDK throws: the classes that the published SDKs know, so that an application can change library without
 * changing its error handling. Messages never contain a value; `code` is the catalogue's where the vault named one.
 */

export class SikkerKeyError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The identity is missing or unusable, or an option makes no sense. Trying again does not help. */
export class ConfigurationError extends SikkerKeyError {}

/** The value is not a JSON object with plain values, so it has no fields. */
export class SecretStructureError extends SikkerKeyError {}

/** The secret has fields, but not this one; the message names those it has. */
export class FieldNotFoundError extends SikkerKeyError {}

/** The vault refused, or did not answer (`httpStatus` 0). */
export class ApiError extends SikkerKeyError {
  readonly httpStatus: number;
  readonly code: string | null;

  constructor(message: string, httpStatus: number, code: string | null = null, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.httpStatus = httpStatus;
    this.code = code;
  }
}

/** 401: unknown or expired machine, or a signature that does not hold. */
export class AuthenticationError extends ApiError {}
/** 403: not approved, disabled, or no grant. */
export class AccessDeniedError extends ApiError {}
/** 404: no such secret within this machine's projects. */
export class NotFoundError extends ApiError {}
/** 409 */
export class ConflictError extends ApiError {}
/** 429 after all retries. */
export class RateLimitedError extends ApiError {}
/** 503 after all retries: sealed or temporarily unavailable. */
export class ServerSealedError extends ApiError {}

/** The class that belongs to a status (wire-runtime §2.13). */
export function apiErrorOf(
  httpStatus: number,
  message: string,
  code: string | null = null,
  options?: { readonly cause?: unknown },
): ApiError {
  switch (httpStatus) {
    case 401:
      return new AuthenticationError(message, httpStatus, code, options);
    case 403:
      return new AccessDeniedError(message, httpStatus, code, options);
    case 404:
      return new NotFoundError(message, httpStatus, code, options);
    case 409:
      return new ConflictError(message, httpStatus, code, options);
    case 429:
      return new RateLimitedError(message, httpStatus, code, options);
    case 503:
      return new ServerSealedError(message, httpStatus, code, options);
    default:
      return new ApiError(message, httpStatus, code, options);
  }
}

/** Whether the vault is merely not answering, so that what is already known stays usable. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.httpStatus === 0 || error.httpStatus === 429 || error.httpStatus >= 500;
}

/** Whether this machine has lost the secret: no grant, disabled, or deleted. */
export function isLost(error: unknown): error is AccessDeniedError | NotFoundError {
  return error instanceof AccessDeniedError || error instanceof NotFoundError;
}
