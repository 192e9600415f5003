/** What a caller may say about one call to the vault. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  /** Overrides the client's. Give `[]` for what must not be sent twice. */
  readonly retryDelaysMs?: readonly number[];
}
