/** An expected failure with its code and facts; what is thrown where the caller cannot decide. Never carries prose. */
import type { DetailsOf, ErrorCode } from './error-catalogue.ts';

export class CatalogueError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  readonly details: DetailsOf<Code>;

  constructor(code: Code, details: DetailsOf<Code>, options?: { readonly cause?: unknown }) {
    super(code, options);
    this.name = 'CatalogueError';
    this.code = code;
    this.details = details;
  }
}
