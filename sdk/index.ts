/** The public surface of `@sikkerkey/sdk`. The pool adapter is also importable by itself: `@sikkerkey/sdk/pg-pool.ts`. */
export {
  AccessDeniedError,
  ApiError,
  AuthenticationError,
  ConfigurationError,
  ConflictError,
  FieldNotFoundError,
  NotFoundError,
  RateLimitedError,
  SecretStructureError,
  ServerSealedError,
  SikkerKeyError,
} from './errors.ts';
export { createRotatingPool, type RotatingPool, type RotatingPoolOptions } from './pg-pool.ts';
export type { ReadSecret, SecretReader } from './secret-reader.ts';
export { type CloseOptions, type ReaderOptions, SikkerKey, type SikkerKeyOptions } from './sikker-key.ts';
export type { Fields } from './structured-value.ts';
export type { CommandLineUse, SecretListItem } from './vault-calls.ts';
export type { WatchCallback, WatchEvent, WatchStatus } from './watches.ts';
